//! Returns invalid text as JSON.

use stillbox_sdk::contract::{Output, StepError, Values};
use stillbox_test_programs::{Raw, export, words};

struct Guest;

impl Raw for Guest {
    fn spoil(output: &mut Output) -> Result<(), StepError> {
        output.columns[1].values = Values::Json(words(output.rows));
        Ok(())
    }
}

export!(Guest);
