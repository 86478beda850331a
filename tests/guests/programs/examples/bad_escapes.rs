//! Puts escape sequences and bidirectional controls into everything that it says.

use stillbox_sdk::contract::stillbox::step::{log, panic};
use stillbox_sdk::contract::{ErrorKind, Manifest, Output, StepError};
use stillbox_test_programs::{Raw, export, location, said, unfit_error};

/// What a terminal obeys, in JSON, which escapes some of it itself, and a name that would be a line of its own.
const SCHEMA: &str = r#"{"type": "object", "required": ["a \u001b[2J\u009b1A\u202e"], "properties": {
    "a \u001b[2J\u009b1A\u202e": {"type": "string \u001b[31m\r\u2066", "description": "b \u0007\u009b1A\u202e"},
    "imports\nnothing": {"enum": ["c \u009b1A\u2066"], "default": "d \u009b1A\u202e"}
}}"#;

struct Guest;

impl Raw for Guest {
    fn manifest() -> Manifest {
        let good = stillbox_test_programs::manifest();
        Manifest {
            name: said("name"),
            version: said("version"),
            summary: said("summary"),
            parameters: SCHEMA.into(),
            ..good
        }
    }

    fn spoil(_: &mut Output) -> Result<(), StepError> {
        log::write(log::Level::Error, &said("log"));
        eprintln!("{}", said("stderr"));
        println!("{}", said("stdout"));
        panic::report(&said("panic"), Some(&location()), None);
        Err(unfit_error(ErrorKind::Input))
    }
}

export!(Guest);
