//! Returns more bytes than the limit.

use stillbox_sdk::contract::{Output, StepError, Texts, Values};
use stillbox_test_programs::{Raw, column, export};

struct Guest;

impl Raw for Guest {
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        output.rows = 1;
        output.origins = Some(vec![0]);
        let bytes = vec![b'x'; 100_000_000];
        output.columns = vec![
            column("number", Values::Integer(vec![7])),
            column("word", Values::Text(Texts { offsets: vec![0, bytes.len() as u32], bytes })),
        ];
        Ok(())
    }
}

export!(Guest);
