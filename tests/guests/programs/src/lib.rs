//! What the misbehaving guests share: a step that keeps the contract, of which each guest replaces one part.
//!
//! The SDK keeps its authors from breaking the contract, so guests that break it speak the contract themselves.
#![cfg_attr(
    not(target_arch = "wasm32"),
    expect(clippy::result_large_err, reason = "the contract's errors are few, and moved a few times at most")
)]

use std::marker::PhantomData;

use stillbox_sdk::contract::exports::stillbox::step::guest::Guest;
use stillbox_sdk::contract::{
    Batch, Column, DataType, ErrorKind, Field, Kind, Location, Manifest, Output, Signature, StepError, Texts, Values,
};

/// The row that guests misbehave at; without it in a batch they are good steps.
pub const GUILTY: i64 = 3;

/// A step that reads the column `id` and writes the columns `number` and `word`. Each guest replaces one part.
pub trait Raw {
    /// What the step says it is.
    fn manifest() -> Manifest {
        manifest()
    }

    /// The columns in and out.
    ///
    /// # Errors
    /// The guest refuses its parameters.
    fn bind() -> Result<Signature, StepError> {
        Ok(signature())
    }

    /// Makes what is returned fit the signature, where the guest has its own.
    #[expect(unused_variables, reason = "the good step changes nothing")]
    fn adapt(output: &mut Output) {}

    /// Spoils what is returned of a batch with the guilty row.
    ///
    /// # Errors
    /// The guest refuses the batch.
    #[expect(unused_variables, reason = "the good step changes nothing")]
    fn spoil(output: &mut Output) -> Result<(), StepError> {
        Ok(())
    }

    /// The end.
    ///
    /// # Errors
    /// The guest has none.
    fn finish() -> Result<Option<Output>, StepError> {
        Ok(None)
    }
}

/// A guest as a component. [`export!`](crate::export) has it exported.
#[derive(Debug)]
pub struct Exported<R>(PhantomData<R>);

impl<R: Raw> Guest for Exported<R> {
    fn manifest() -> Manifest {
        R::manifest()
    }

    fn bind(_: String) -> Result<Signature, StepError> {
        R::bind()
    }

    fn process(batch: Batch) -> Result<Output, StepError> {
        let mut output = Output {
            rows: batch.rows,
            columns: vec![
                column("number", Values::Integer(vec![7; batch.rows as usize])),
                column("word", Values::Text(words(batch.rows))),
            ],
            origins: None,
            rejections: Vec::new(),
        };
        R::adapt(&mut output);
        if is_guilty(&batch) {
            R::spoil(&mut output)?;
        }
        Ok(output)
    }

    fn finish() -> Result<Option<Output>, StepError> {
        R::finish()
    }
}

/// What a good step says it is.
pub fn manifest() -> Manifest {
    Manifest {
        name: "raw".into(),
        version: "0.1.0".into(),
        summary: "Breaks the contract.".into(),
        kind: Kind::Transform,
        parameters: r#"{"type": "object"}"#.into(),
    }
}

/// The columns in and out of a good step.
pub fn signature() -> Signature {
    let field = |name: &str, data_type| Field { name: name.into(), data_type, nullable: false, optional: false };
    Signature {
        inputs: vec![field("id", DataType::Integer)],
        outputs: vec![field("number", DataType::Integer), field("word", DataType::Text)],
    }
}

/// An error that consists of a message.
pub fn error(message: &str) -> StepError {
    StepError {
        kind: ErrorKind::Input,
        message: message.into(),
        causes: Vec::new(),
        location: None,
        trace: Vec::new(),
        hint: None,
        retry_after_ms: None,
    }
}

/// Clears the screen, turns it red, goes up a line, reverses the text, goes back to the line's start, rings.
const ESCAPES: &str = "\u{1b}[2J\u{1b}[31m\u{9b}1A\u{202e}\u{2066}\r\u{7}\u{0}";

/// A text that is not fit to be shown as it is.
pub fn said(what: &str) -> String {
    format!("{what} {ESCAPES} end")
}

/// A place in a file of such a name.
pub fn location() -> Location {
    Location { file: said("file"), line: 7, column: None }
}

/// An error of which no part is fit to be shown as it is.
pub fn unfit_error(kind: ErrorKind) -> StepError {
    StepError {
        kind,
        causes: vec![said("first cause"), said("second cause")],
        location: Some(location()),
        trace: vec![said("trace")],
        hint: Some(said("hint")),
        ..error(&said("message"))
    }
}

/// A column without nulls.
pub fn column(name: &str, values: Values) -> Column {
    Column { name: name.into(), validity: None, values }
}

/// The word `word` in each row.
pub fn words(rows: u32) -> Texts {
    Texts { offsets: (0..=rows).map(|row| row * 4).collect(), bytes: b"word".repeat(rows as usize) }
}

/// The texts of the column `word`.
///
/// # Panics
/// The output has no such column.
pub fn word(output: &mut Output) -> &mut Texts {
    match &mut output.columns[1].values {
        Values::Text(texts) => texts,
        _ => panic!("the second column is text"),
    }
}

fn is_guilty(batch: &Batch) -> bool {
    batch.columns.iter().any(|column| match &column.values {
        Values::Integer(ids) => ids.contains(&GUILTY),
        _ => false,
    })
}

/// Exports a guest.
#[macro_export]
macro_rules! export {
    ($guest:ident) => {
        // Not only a component has a use for the guest, so that it is no dead code elsewhere.
        const _: ::std::marker::PhantomData<$guest> = ::std::marker::PhantomData;
        #[cfg(target_arch = "wasm32")]
        type __Exported = $crate::Exported<$guest>;
        #[cfg(target_arch = "wasm32")]
        ::stillbox_sdk::contract::export_step!(__Exported with_types_in ::stillbox_sdk::contract);
    };
}
