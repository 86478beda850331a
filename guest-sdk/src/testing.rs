//! Runs a whole step natively, in unit tests.
//!
//! A test can call a step's function directly. To test parameters, column names and origins as well, [`bind`] the step and
//! [`process`](Bound::process) a batch:
//!
//! ```
//! use stillbox_sdk::testing::{batch, bind, column, values};
//! # use stillbox_sdk::{Input, Output, Result, step};
//! # #[derive(Input)]
//! # struct Row<'a> { text: &'a str }
//! # #[derive(Output)]
//! # struct Counted { n_words: usize }
//! # /// Counts the words of a text.
//! # #[step]
//! # fn count_words(row: Row<'_>) -> Result<Counted> {
//! #     Ok(Counted { n_words: row.text.split_whitespace().count() })
//! # }
//!
//! let mut step = bind::<count_words>("{}")?;
//! let output = step.process(&batch([column("text", ["two words", "one"])]))?;
//! assert_eq!(values::<i64>(&output, "n_words"), [2, 1]);
//! # Ok::<(), stillbox_sdk::contract::StepError>(())
//! ```

use std::fmt;

use crate::contract::{Batch, Column, Field, Manifest, Output, Signature, StepError};
#[cfg(not(target_arch = "wasm32"))]
use crate::dropped;
use crate::input::InputType;
use crate::input::opener::Opener;
use crate::output::{ColumnBuilder, OutputType};
use crate::received::ReceivedBatch;
pub use crate::run::Step;
use crate::run::{Instance, step_manifest};

/// A step that is bound to its parameters.
pub struct Bound {
    signature: Signature,
    instance: Instance,
}

/// Binds a step to parameters, a JSON object. The type of a step has the name of its function.
///
/// # Errors
/// The parameters are invalid. The error lists all mistakes.
pub fn bind<S: Step>(parameters: &str) -> Result<Bound, StepError> {
    let (signature, instance) = Instance::bind::<S>(parameters)?;
    Ok(Bound { signature, instance })
}

/// Returns the manifest of a step.
pub fn manifest<S: Step>() -> Manifest {
    step_manifest::<S>()
}

impl Bound {
    /// Returns the input and output columns.
    pub const fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Turns a batch into an output.
    ///
    /// # Errors
    /// The step fails for the whole batch. Rejected rows are part of the output.
    pub fn process(&mut self, batch: &Batch) -> Result<Output, StepError> {
        self.instance.process(ReceivedBatch::unverified(batch))
    }

    /// Returns the next output of a source or an aggregate, or `None` after the last one.
    ///
    /// # Errors
    /// The step fails.
    pub fn finish(&mut self) -> Result<Option<Output>, StepError> {
        self.instance.finish()
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound").field("signature", &self.signature).finish_non_exhaustive()
    }
}

/// Returns the reasons that steps on this thread have given for dropped rows since the last call, with the index of each row.
#[cfg(not(target_arch = "wasm32"))]
pub fn drop_reasons() -> Vec<(usize, String)> {
    dropped::take_sent().into_iter().map(|(row, reason)| (row as usize, reason)).collect()
}

/// A column, with its number of rows.
#[derive(Clone, Debug)]
pub struct TestColumn {
    rows: usize,
    column: Column,
}

/// Creates a column from values of any type that an output column can have.
///
/// # Panics
/// A value does not fit the column.
pub fn column<T: OutputType>(name: &str, values: impl IntoIterator<Item = T>) -> TestColumn {
    let mut builder = T::Builder::with_capacity(0);
    for value in values {
        if let Err(error) = value.append(&mut builder) {
            panic!("a value does not fit the column `{name}`: {error}");
        }
    }
    let rows = builder.len();
    let finished = builder.finish();
    TestColumn { rows, column: Column { name: name.to_owned(), validity: finished.validity, values: finished.values } }
}

/// Creates a batch from columns.
///
/// # Panics
/// The columns have different lengths, or there are no columns. Create a [`Batch`] directly for a batch without columns.
pub fn batch(columns: impl IntoIterator<Item = TestColumn>) -> Batch {
    let columns: Vec<_> = columns.into_iter().collect();
    let rows = columns.first().expect("a batch needs at least one column").rows;
    for TestColumn { rows: other, column } in &columns {
        assert_eq!(*other, rows, "the column `{}` and the first one differ in length", column.name);
    }
    Batch { rows: rows as u32, columns: columns.into_iter().map(|column| column.column).collect() }
}

/// Returns the values of an output's column.
///
/// # Panics
/// The output has no such column, the column has another type, or it breaks the rules of the contract.
pub fn values<T: for<'a> InputType<'a>>(output: &Output, name: &str) -> Vec<T> {
    let names: Vec<_> = output.columns.iter().map(|column| column.name.as_str()).collect();
    assert!(names.contains(&name), "the output has no column `{name}`; its columns are {names:?}");
    let batch = Batch { rows: output.rows, columns: output.columns.clone() };
    let (data_type, nullable) = (T::DATA_TYPE, T::NULLABLE);
    let field = Field { name: name.to_owned(), data_type, nullable, optional: false };
    let opened = Opener::new(ReceivedBatch::unverified(&batch), vec![field]).required::<T>();
    let column = opened.unwrap_or_else(|error| panic!("cannot read the output: {error}"));
    let read = |row| T::read(&column, row).unwrap_or_else(|error| panic!("cannot read the output: {error}"));
    (0..output.rows as usize).map(read).collect()
}
