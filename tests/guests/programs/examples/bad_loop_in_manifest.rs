//! Loops forever in `manifest`.

use stillbox_sdk::contract::Manifest;
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn manifest() -> Manifest {
        loop {
            std::hint::spin_loop();
        }
    }
}

export!(Guest);
