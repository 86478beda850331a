//! Rejects all parameters.

use stillbox_sdk::contract::{ErrorKind, Signature, StepError};
use stillbox_test_programs::{Raw, error, export};

struct Guest;

impl Raw for Guest {
    fn bind() -> Result<Signature, StepError> {
        Err(StepError { kind: ErrorKind::Parameters, ..error("these parameters will not do") })
    }
}

export!(Guest);
