//! Returns a column that is not in its signature.

use stillbox_sdk::contract::{Output, StepError, Values};
use stillbox_test_programs::{Raw, column, export};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        output.columns.push(column("extra", Values::Integer(vec![7; output.rows as usize])));
        Ok(())
    }
}

export!(Guest);
