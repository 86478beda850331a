//! Loops forever in `bind`.

use stillbox_sdk::contract::{Signature, StepError};
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn bind() -> Result<Signature, StepError> {
        loop {
            std::hint::spin_loop();
        }
    }
}

export!(Guest);
