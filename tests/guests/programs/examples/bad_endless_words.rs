//! Returns an error with very long texts, after very long texts on standard error and in the log.

use stillbox_sdk::contract::stillbox::step::log;
use stillbox_sdk::contract::{ErrorKind, Location, Output, StepError};
use stillbox_test_programs::{Raw, error, export};

struct Guest;

impl Raw for Guest {
    fn corrupt(_: &mut Output) -> Result<(), StepError> {
        let words = "words ".repeat(20_000);
        log::write(log::Level::Error, &words);
        eprintln!("{words}");
        let texts = || vec![words.clone(); 100];
        Err(StepError {
            kind: ErrorKind::Input,
            causes: texts(),
            location: Some(Location { file: words.clone(), line: 7, column: None }),
            trace: texts(),
            hint: Some(words.clone()),
            ..error("no end of words")
        })
    }
}

export!(Guest);
