//! Returns a column of another type than its signature promises.

use stillbox_sdk::contract::{Output, StepError, Values};
use stillbox_test_programs::{Raw, export, words};

struct Guest;

impl Raw for Guest {
    fn spoil(output: &mut Output) -> Result<(), StepError> {
        output.columns[0].values = Values::Text(words(output.rows));
        Ok(())
    }
}

export!(Guest);
