//! The step `look-up`.

mod parquet;
mod table;

use std::cell::OnceCell;

use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::{Context as _, JsonType, Parameters, Result, bail, drop, step};
use table::Table;

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The file, in a folder that the step is granted: CSV with a header (`.csv`, `.tsv`), JSON Lines (`.jsonl`), or Parquet
    /// (`.parquet`).
    pub file: String,
    /// The column whose values are looked up. They are compared as text.
    pub column: String,
    /// The column of the file that has the same values. The first of several equal ones counts.
    pub key: String,
    /// The columns of the file to add to each row. They replace columns of the same name.
    pub columns: Vec<String>,
    /// The type of these columns. A value of another type rejects its row. The values of CSV are texts, and those that are read as another
    /// type have to be JSON.
    #[parameter(name = "type", default = JsonType::Text)]
    pub value_type: JsonType,
    /// The treatment of a row whose value is not in the file: `null` adds nulls, `drop` drops the row, `reject` rejects it.
    #[parameter(default = Missing::Null)]
    pub missing: Missing,
}

/// The treatment of a row whose value is not in the file.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Missing {
    /// The columns become null.
    Null,
    /// The row is dropped.
    Drop,
    /// The row is rejected.
    Reject,
}

impl Parameters {
    fn check(&self) -> Result<()> {
        if self.columns.is_empty() {
            bail!("`columns` is empty");
        }
        Ok(())
    }

    fn inputs(&self) -> Vec<Field> {
        vec![Field::new(&self.column, DataType::Json)]
    }

    fn outputs(&self) -> Vec<Field> {
        self.columns.iter().map(|name| Field::new(name, self.value_type.data_type())).collect()
    }
}

thread_local! {
    /// The file, which is read for the first row of an instance. With `instance = "worker"` an instance has many batches.
    static TABLE: OnceCell<Table> = const { OnceCell::new() };
}

/// Adds columns of a file to each row, by a common value.
#[step]
pub fn look_up(parameters: &Parameters, row: AnyRow<'_>) -> Result<Option<AnyOutput<'static>>> {
    TABLE.with(|cell| {
        if cell.get().is_none() {
            let Parameters { file, key, columns, value_type, .. } = parameters;
            let table = Table::read(file, key, columns, *value_type);
            // Nothing else sets it.
            let _ = cell.set(table.with_context(|| format!("cannot read {file}"))?);
        }
        match cell.get() {
            Some(table) => found(parameters, &row, table),
            None => bail!("{} was not read", parameters.file),
        }
    })
}

fn found(parameters: &Parameters, row: &AnyRow<'_>, table: &Table) -> Result<Option<AnyOutput<'static>>> {
    let value = row.json(0).map(stillbox_sdk::Json::to_text).transpose()?;
    if let Some(values) = value.as_ref().and_then(|value| table.get(value)) {
        return Ok(Some(values.iter().cloned().collect()));
    }
    match parameters.missing {
        Missing::Null => Ok(Some(parameters.columns.iter().map(|_| AnyValue::Null).collect())),
        Missing::Drop => drop!("not in the file: `{}`", value.as_deref().unwrap_or("null")),
        Missing::Reject => {
            let value = value.unwrap_or_else(|| "null".into());
            let Parameters { column, file, key, .. } = parameters;
            bail!("the value {value:?} of the column `{column}` is not in the column `{key}` of {file}")
        }
    }
}
