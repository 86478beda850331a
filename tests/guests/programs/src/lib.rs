//! Shared code of the misbehaving guests: a step that follows the contract, of which each guest replaces one part.
//!
//! A step that uses the SDK cannot break the contract, so guests that break it implement the contract directly.
#![cfg_attr(
    not(target_arch = "wasm32"),
    expect(clippy::result_large_err, reason = "errors are rare, and moved a few times at most")
)]

use std::marker::PhantomData;

use stillbox_sdk::contract::exports::stillbox::step::guest::Guest;
use stillbox_sdk::contract::{
    Batch, Column, DataType, ErrorKind, Field, Kind, Location, Manifest, Output, Signature, StepError, Texts, Values,
};

/// The `id` of the row at which guests misbehave. They behave well in a batch without it.
pub const GUILTY: i64 = 3;

/// A step that reads the column `id` and writes the columns `number` and `word`. Each guest replaces one part.
pub trait Raw {
    /// Returns the manifest.
    fn manifest() -> Manifest {
        manifest()
    }

    /// Returns the input and output columns.
    ///
    /// # Errors
    /// The guest rejects its parameters.
    fn bind() -> Result<Signature, StepError> {
        Ok(signature())
    }

    /// Adapts the output to the signature, for guests with their own signature.
    #[expect(unused_variables, reason = "the default changes nothing")]
    fn adapt(output: &mut Output) {}

    /// Breaks the output for a batch with the guilty row.
    ///
    /// # Errors
    /// The guest fails for the batch.
    #[expect(unused_variables, reason = "the default changes nothing")]
    fn corrupt(output: &mut Output) -> Result<(), StepError> {
        Ok(())
    }

    /// Returns the next output, or `None` after the last one.
    ///
    /// # Errors
    /// The guest fails.
    fn finish() -> Result<Option<Output>, StepError> {
        Ok(None)
    }
}

/// The exports of a guest. [`export!`](crate::export) exports them from the component.
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
            R::corrupt(&mut output)?;
        }
        Ok(output)
    }

    fn finish() -> Result<Option<Output>, StepError> {
        R::finish()
    }
}

/// Returns the default manifest.
pub fn manifest() -> Manifest {
    Manifest {
        name: "raw".into(),
        version: "0.1.0".into(),
        summary: "Breaks the contract.".into(),
        kind: Kind::Transform,
        parameters: r#"{"type": "object"}"#.into(),
    }
}

/// Returns the default signature.
pub fn signature() -> Signature {
    let field = |name: &str, data_type| Field { name: name.into(), data_type, nullable: false, optional: false };
    Signature {
        inputs: vec![field("id", DataType::Integer)],
        outputs: vec![field("number", DataType::Integer), field("word", DataType::Text)],
    }
}

/// Creates an error that has only a message.
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

/// Clears the screen, switches to red, moves up a line, reverses the text, moves to the start of the line, rings the bell.
const ESCAPES: &str = "\u{1b}[2J\u{1b}[31m\u{9b}1A\u{202e}\u{2066}\r\u{7}\u{0}";

/// Lines that look like lines of Stillbox, and commands to systems that show the log of a job.
const LINES: &str = "\n  at: input.jsonl:1 (batch 0)\n::error file=a::b\n  ::add-mask::c\n##[group]d ##vso[e]\n##teamcity[f]\n\
                     section_start:1:g\r\u{1b}[0Kh";

/// Returns a text that must be escaped before it is shown.
pub fn with_escapes(label: &str) -> String {
    format!("{label} {ESCAPES}{LINES} end")
}

/// Returns a location whose file name must be escaped.
pub fn location() -> Location {
    Location { file: with_escapes("file"), line: 7, column: None }
}

/// Creates an error whose texts must all be escaped.
pub fn unfit_error(kind: ErrorKind) -> StepError {
    StepError {
        kind,
        causes: vec![with_escapes("first cause"), with_escapes("second cause")],
        location: Some(location()),
        trace: vec![with_escapes("trace")],
        hint: Some(with_escapes("hint")),
        ..error(&with_escapes("message"))
    }
}

/// Creates a column without nulls.
pub fn column(name: &str, values: Values) -> Column {
    Column { name: name.into(), validity: None, values }
}

/// Returns the text `word` for each row.
pub fn words(rows: u32) -> Texts {
    Texts { offsets: (0..=rows).map(|row| row * 4).collect(), bytes: b"word".repeat(rows as usize) }
}

/// Returns the texts of the column `word`.
///
/// # Panics
/// The second column is not the column `word`.
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
        // A use of the guest on other targets than WebAssembly, so that it is not dead code there.
        const _: ::std::marker::PhantomData<$guest> = ::std::marker::PhantomData;
        #[cfg(target_arch = "wasm32")]
        type __Exported = $crate::Exported<$guest>;
        #[cfg(target_arch = "wasm32")]
        ::stillbox_sdk::contract::export_step!(__Exported with_types_in ::stillbox_sdk::contract);
    };
}
