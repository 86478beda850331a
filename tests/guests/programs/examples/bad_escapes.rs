//! Returns and writes texts with escape sequences and bidirectional controls.

use stillbox_sdk::contract::stillbox::step::{log, panic};
use stillbox_sdk::contract::{ErrorKind, Manifest, Output, StepError};
use stillbox_test_programs::{Raw, export, location, unfit_error, with_escapes};

/// Escape sequences in JSON, some of which JSON escapes, and a name that would print as a separate line.
const SCHEMA: &str = r#"{"type": "object", "required": ["a \u001b[2J\u009b1A\u202e"], "properties": {
    "a \u001b[2J\u009b1A\u202e": {"type": "string \u001b[31m\r\u2066", "description": "b \u0007\u009b1A\u202e"},
    "imports\nnothing": {"enum": ["c \u009b1A\u2066"], "default": "d \u009b1A\u202e"}
}}"#;

struct Guest;

impl Raw for Guest {
    fn manifest() -> Manifest {
        let good = stillbox_test_programs::manifest();
        Manifest {
            name: with_escapes("name"),
            version: with_escapes("version"),
            summary: with_escapes("summary"),
            parameters: SCHEMA.into(),
            ..good
        }
    }

    fn corrupt(_: &mut Output) -> Result<(), StepError> {
        log::write(log::Level::Error, &with_escapes("log"));
        // Only the last lines are shown on the terminal.
        eprintln!("{}\nstderr \u{1b}[2J", with_escapes("earlier"));
        println!("{}\nstdout \u{1b}[2J", with_escapes("earlier"));
        panic::report(&with_escapes("panic"), Some(&location()), None);
        Err(unfit_error(ErrorKind::Input))
    }
}

export!(Guest);
