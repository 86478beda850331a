//! The components that the tests run.
//!
//! The build script compiles them; here is a constant with the path of each, named after the guest in
//! `tests/guests/programs/examples` or the standard step in `steps`: `EVERY_TYPE`, `FILTER_TEXT`.

include!(concat!(env!("OUT_DIR"), "/guests.rs"));
