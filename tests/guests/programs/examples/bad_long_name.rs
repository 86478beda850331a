//! Returns a manifest with a name of 1 MB.

use stillbox_sdk::contract::Manifest;
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn manifest() -> Manifest {
        Manifest { name: "x".repeat(1_000_000), ..stillbox_test_programs::manifest() }
    }
}

export!(Guest);
