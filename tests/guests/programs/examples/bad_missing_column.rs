//! Returns an output without one of its columns.

use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        output.columns.pop();
        Ok(())
    }
}

export!(Guest);
