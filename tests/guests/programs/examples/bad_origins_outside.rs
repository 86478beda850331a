//! Returns origins that are out of range.

use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        output.origins = Some(vec![99; output.rows as usize]);
        Ok(())
    }
}

export!(Guest);
