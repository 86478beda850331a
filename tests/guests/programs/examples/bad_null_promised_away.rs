//! Returns a null in a column that is not nullable.

use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        // The last row is the guilty one.
        let last = output.rows as usize - 1;
        let mut validity = vec![0xff; output.rows.div_ceil(8) as usize];
        validity[last / 8] = !(1 << (last % 8));
        output.columns[0].validity = Some(validity);
        Ok(())
    }
}

export!(Guest);
