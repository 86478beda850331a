//! Rejects a row that is out of range.

use stillbox_sdk::contract::{Output, Rejection, StepError};
use stillbox_test_programs::{Raw, error, export};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        output.origins = Some((0..output.rows).collect());
        output.rejections.push(Rejection { row: 99, error: error("no such row") });
        Ok(())
    }
}

export!(Guest);
