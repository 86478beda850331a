//! Returns fewer values than rows.

use stillbox_sdk::contract::{Output, StepError, Values};
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        output.columns[0].values = Values::Integer(Vec::new());
        Ok(())
    }
}

export!(Guest);
