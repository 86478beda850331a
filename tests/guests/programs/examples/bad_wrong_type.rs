//! Returns a column whose type differs from its signature.

use stillbox_sdk::contract::{Output, StepError, Values};
use stillbox_test_programs::{Raw, export, words};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        output.columns[0].values = Values::Text(words(output.rows));
        Ok(())
    }
}

export!(Guest);
