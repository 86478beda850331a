//! Names rows as origins that are not there.

use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn spoil(output: &mut Output) -> Result<(), StepError> {
        output.origins = Some(vec![99; output.rows as usize]);
        Ok(())
    }
}

export!(Guest);
