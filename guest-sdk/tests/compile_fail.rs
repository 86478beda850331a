//! The compiler's messages for mistakes in steps. `TRYBUILD=overwrite cargo test --test compile_fail` updates them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use trybuild::TestCases;

#[test]
fn a_mistake_is_reported_at_its_place_in_the_authors_code() {
    let cases = TestCases::new();
    cases.compile_fail("tests/compile-fail/*.rs");
    // The compiler words most of these messages, and changes them with every release.
    if compiler_is_the_oldest_supported() {
        cases.compile_fail("tests/compile-fail/types/*.rs");
    }
}

fn compiler_is_the_oldest_supported() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap().stdout;
    let oldest = concat!("rustc ", env!("CARGO_PKG_RUST_VERSION"), ".");
    String::from_utf8(version).unwrap().starts_with(oldest)
}
