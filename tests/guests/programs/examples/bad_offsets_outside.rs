//! Returns offsets past the end of the bytes.

use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export, word};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        word(output).bytes.truncate(1);
        Ok(())
    }
}

export!(Guest);
