//! Returns JSON with half of a surrogate pair.

use stillbox_sdk::contract::{DataType, Output, Signature, StepError, Values};
use stillbox_test_programs::{Raw, export, words};

struct Guest;

impl Raw for Guest {
    fn bind() -> Result<Signature, StepError> {
        let mut signature = stillbox_test_programs::signature();
        signature.outputs[1].data_type = DataType::Json;
        Ok(signature)
    }

    fn adapt(output: &mut Output) {
        let mut numbers = words(output.rows);
        numbers.offsets = (0..=output.rows).map(|row| row * 8).collect();
        numbers.bytes = br#""\u0041""#.repeat(output.rows as usize);
        output.columns[1].values = Values::Json(numbers);
    }

    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        // The last row is the guilty one.
        if let Values::Json(texts) = &mut output.columns[1].values {
            let last = texts.bytes.len() - 8;
            texts.bytes[last..].copy_from_slice(br#""\ud800""#);
        }
        Ok(())
    }
}

export!(Guest);
