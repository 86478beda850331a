//! Returns a manifest whose parameters are not JSON.

use stillbox_sdk::contract::Manifest;
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn manifest() -> Manifest {
        Manifest { parameters: "{\"type\": ".into(), ..stillbox_test_programs::manifest() }
    }
}

export!(Guest);
