//! Puts escape sequences and bidirectional controls into the words of a panic.

use stillbox_sdk::contract::stillbox::step::panic;
use stillbox_sdk::contract::{Output, StepError};
use stillbox_test_programs::{Raw, export, location, with_escapes};

struct Guest;

impl Raw for Guest {
    fn corrupt(_: &mut Output) -> Result<(), StepError> {
        panic::report(&with_escapes("message"), Some(&location()), Some(1));
        panic!("and without the SDK nothing is reported of this");
    }
}

export!(Guest);
