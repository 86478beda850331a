//! Returns offsets that descend.

use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export, word};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        word(output).offsets.reverse();
        word(output).offsets[0] = 0;
        Ok(())
    }
}

export!(Guest);
