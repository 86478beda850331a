//! Returns a null where its signature promises none.

use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn spoil(output: &mut Output) -> Result<(), StepError> {
        output.columns[0].validity = Some(vec![0]);
        Ok(())
    }
}

export!(Guest);
