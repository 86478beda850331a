//! Returns offsets that point beyond its bytes.

use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export, word};

struct Guest;

impl Raw for Guest {
    fn spoil(output: &mut Output) -> Result<(), StepError> {
        word(output).bytes.truncate(1);
        Ok(())
    }
}

export!(Guest);
