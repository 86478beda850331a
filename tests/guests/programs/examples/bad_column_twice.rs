//! Returns a signature that names a column twice.

use stillbox_sdk::contract::{Signature, StepError};
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn bind() -> Result<Signature, StepError> {
        let mut signature = stillbox_test_programs::signature();
        signature.outputs.extend(stillbox_test_programs::signature().outputs);
        Ok(signature)
    }
}

export!(Guest);
