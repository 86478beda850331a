//! The components that the tests run.
//!
//! The build script compiles them and generates a constant with the path of each, such as `EVERY_TYPE` for the guest in
//! `tests/guests/programs/examples` or `FILTER_TEXT` for the step in `steps`.

include!(concat!(env!("OUT_DIR"), "/guests.rs"));
