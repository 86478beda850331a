//! Returns more rows than the limit.

use stillbox_sdk::contract::{Output, StepError, Values};
use stillbox_test_programs::{Raw, column, export, words};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        output.rows = 2_000_000;
        output.columns =
            vec![column("number", Values::Integer(vec![7; 2_000_000])), column("word", Values::Text(words(2_000_000)))];
        output.origins = Some(vec![0; 2_000_000]);
        Ok(())
    }
}

export!(Guest);
