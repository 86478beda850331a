//! Returns text that is not UTF-8.

use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export, word};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        // The last row is the guilty one.
        let bytes = &mut word(output).bytes;
        let last = bytes.len() - 1;
        bytes[last] = 0xff;
        Ok(())
    }
}

export!(Guest);
