//! Returns text that is not UTF-8.

use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export, word};

struct Guest;

impl Raw for Guest {
    fn spoil(output: &mut Output) -> Result<(), StepError> {
        word(output).bytes[0] = 0xff;
        Ok(())
    }
}

export!(Guest);
