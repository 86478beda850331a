//! Returns column names and texts with escape sequences.

use stillbox_sdk::contract::{Output, Signature, StepError};
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn bind() -> Result<Signature, StepError> {
        let mut signature = stillbox_test_programs::signature();
        signature.outputs[0].name = "\u{1b}[2J\u{1b}[31m\u{9b}1A\u{202e}\u{2066}\r\u{7}\u{0} number".into();
        Ok(signature)
    }

    fn adapt(output: &mut Output) {
        output.columns[0].name = "\u{1b}[2J\u{1b}[31m\u{9b}1A\u{202e}\u{2066}\r\u{7}\u{0} number".into();
    }

    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        output.columns[1].name = "\u{1b}[2J\u{1b}[31m\u{9b}1A\u{202e}\u{2066}\r\u{7}\u{0} word".into();
        Ok(())
    }
}

export!(Guest);
