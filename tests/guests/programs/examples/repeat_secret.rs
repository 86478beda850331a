//! Has a secret, as if a server had returned it in a form that the host does not know, and writes it everywhere.

use stillbox_sdk::contract::Location;
use stillbox_sdk::contract::stillbox::step::panic;
use stillbox_sdk::{Error, Input, Output, Result, log, step};

#[derive(Input)]
struct Row<'a> {
    place: &'a str,
    /// The secret, backwards.
    reversed: &'a str,
}

#[derive(Output)]
struct Done {
    place: String,
}

/// Writes a secret to the place that the row names.
#[step]
fn repeat_secret(row: Row<'_>) -> Result<Done> {
    let secret: String = row.reversed.chars().rev().collect();
    log::info!("logged {secret}");
    println!("printed {secret}");
    eprintln!("printed as an error {secret}");
    match row.place {
        "message" => Err(Error::new(format_args!("the message {secret}"))),
        "cause" => Err(Error::new(format_args!("the cause {secret}")).context("the cause has it")),
        "hint" => Err(Error::new("the hint has it").hint(format_args!("the hint {secret}"))),
        "transient" => Err(Error::transient(format_args!("the attempt {secret}"))),
        "panic" => panic!("the panic {secret}"),
        "location" => {
            let location = Location { file: format!("/{secret}.rs"), line: 1, column: Some(1) };
            panic::report(&format!("reported {secret}"), Some(&location), None);
            std::process::abort()
        }
        "exit" => std::process::exit(3),
        place => Ok(Done { place: place.to_owned() }),
    }
}
