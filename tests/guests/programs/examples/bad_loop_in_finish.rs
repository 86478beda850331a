//! Loops forever in `finish`.

use stillbox_sdk::contract::{Kind, Manifest, Output, StepError};
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn manifest() -> Manifest {
        Manifest { kind: Kind::Aggregate, ..stillbox_test_programs::manifest() }
    }

    fn finish() -> Result<Option<Output>, StepError> {
        loop {
            std::hint::spin_loop();
        }
    }
}

export!(Guest);
