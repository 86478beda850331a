//! Puts escape sequences and bidirectional controls into its refusal of the parameters.

use stillbox_sdk::contract::{ErrorKind, Signature, StepError};
use stillbox_test_programs::{Raw, error, export, location, said};

struct Guest;

impl Raw for Guest {
    fn bind() -> Result<Signature, StepError> {
        Err(StepError {
            kind: ErrorKind::Parameters,
            causes: vec![said("first cause"), said("second cause")],
            location: Some(location()),
            trace: vec![said("trace")],
            hint: Some(said("hint")),
            ..error(&said("message"))
        })
    }
}

export!(Guest);
