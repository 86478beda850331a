//! The step `combine-answers`.

use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::serde_json::Value;
use stillbox_sdk::{Json, Parameters, Result, bail, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The columns, of any type, in the order of the list.
    pub columns: Vec<String>,
    /// The output column for the list.
    #[parameter(default = "answers")]
    pub into: String,
    /// The treatment of a null: `reject` rejects its row, `skip` omits it, `keep` writes a null.
    #[parameter(default = Nulls::Reject)]
    pub nulls: Nulls,
    /// An output column for the list of the columns' names, in the order of the values. By default there is none.
    pub names: Option<String>,
}

/// The treatment of a null.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Nulls {
    /// Rejects the row.
    Reject,
    /// Omits the null.
    Skip,
    /// Writes a null.
    Keep,
}

impl Parameters {
    fn check(&self) -> Result<()> {
        ensure!(!self.columns.is_empty(), "`columns` is empty");
        Ok(())
    }

    fn inputs(&self) -> Vec<Field> {
        self.columns.iter().map(|name| Field::new(name, DataType::Json)).collect()
    }

    fn outputs(&self) -> Vec<Field> {
        let into = Field::new(&self.into, DataType::Json);
        [into].into_iter().chain(self.names.as_ref().map(|name| Field::new(name, DataType::Json))).collect()
    }
}

/// Combines the values of columns, such as the answers of several models, into one list.
#[step]
pub fn combine_answers(parameters: &Parameters, row: AnyRow<'_>) -> Result<AnyOutput<'static>> {
    let (mut values, mut names) = (Vec::new(), Vec::new());
    for (index, name) in parameters.columns.iter().enumerate() {
        match (row.json(index).map(Json::text), parameters.nulls) {
            (Some(value), _) => values.push(value),
            (None, Nulls::Keep) => values.push("null"),
            (None, Nulls::Skip) => continue,
            (None, Nulls::Reject) => bail!("the column `{name}` is null"),
        }
        names.push(name.as_str());
    }
    let list = AnyValue::Json(format!("[{}]", values.join(",")).into());
    let names = parameters.names.as_ref().map(|_| AnyValue::Json(Value::from(names).to_string().into()));
    Ok([list].into_iter().chain(names).collect())
}
