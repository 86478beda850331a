//! Rejects its parameters with a message that contains escape sequences and bidirectional controls.

use stillbox_sdk::contract::{ErrorKind, Signature, StepError};
use stillbox_test_programs::{Raw, export, unfit_error};

struct Guest;

impl Raw for Guest {
    fn bind() -> Result<Signature, StepError> {
        Err(unfit_error(ErrorKind::Parameters))
    }
}

export!(Guest);
