//! The step `generate-json`.

mod schema;

pub use schema::Schema;
use stillbox_prompt::{Columns, Prompt, Template, metadata};
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::model::Model;
use stillbox_sdk::{Json, JsonValue, Parameters, Result, bail, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The message to the model: a template over the columns, such as `Classify: {{ text }}`.
    pub prompt: Template,
    /// The instructions for the model, a template like `prompt`.
    pub system: Option<Template>,
    /// The JSON Schema of the answer, an object. Each of its `properties` is an output column: `string` a text, `integer`, `number` and
    /// `boolean` a column of that type, anything else JSON. A property that the answer does not have is null.
    pub schema: Option<Schema>,
    /// A column with the JSON Schema of each row, instead of `schema`. It needs `into`.
    pub schema_column: Option<String>,
    /// An output column for the whole answer as JSON, instead of a column for each property.
    pub into: Option<String>,
    /// An output column for what is known about an answer. By default there is none.
    pub metadata: Option<String>,
}

impl Parameters {
    fn check(&self) -> Result<()> {
        ensure!(self.schema.is_some() != self.schema_column.is_some(), "give either `schema` or `schema-column`");
        ensure!(
            self.schema_column.is_none() || self.into.is_some(),
            "`schema-column` needs `into`, because the properties of the answers are not known"
        );
        if let (Some(schema), None) = (&self.schema, &self.into) {
            schema.check_properties()?;
        }
        Ok(())
    }

    fn columns(&self) -> Columns<'_> {
        let columns = Columns::default().template(Some(&self.prompt)).template(self.system.as_ref());
        columns.names(&self.schema_column)
    }

    fn inputs(&self) -> Vec<Field> {
        self.columns().fields()
    }

    fn outputs(&self) -> Vec<Field> {
        let mut fields = match (&self.into, &self.schema) {
            (Some(into), _) => vec![Field::new(into, DataType::Json)],
            (None, Some(schema)) => schema.fields(),
            (None, None) => Vec::new(),
        };
        fields.extend(self.metadata.as_ref().map(|name| Field::new(name, DataType::Json)));
        fields
    }

    /// Returns the JSON Schema for the answer to a row.
    fn schema_text(&self, columns: &Columns<'_>, row: &AnyRow<'_>) -> Result<String> {
        match (&self.schema, &self.schema_column) {
            (Some(schema), _) => Ok(schema.text().to_owned()),
            (None, Some(name)) => match columns.get(row, name).map(Json::value).transpose()? {
                Some(JsonValue::Object(schema)) => Ok(schema.text().to_owned()),
                // A text column has the JSON as a text.
                Some(JsonValue::Text(text)) if text.trim_start().starts_with('{') => Ok(text.into_owned()),
                Some(other) => bail!("the column `{name}` has to be a JSON Schema, not {}", other.describe()),
                None => bail!("the column `{name}` is null, and has to be a JSON Schema"),
            },
            (None, None) => bail!("there is neither `schema` nor `schema-column`"),
        }
    }
}

/// Writes the answers of a language model that match a JSON Schema, with a typed column for each property.
#[step(concurrency = 1024)]
pub async fn generate_json(parameters: &Parameters, row: AnyRow<'_>, model: Model) -> Result<AnyOutput<'static>> {
    let columns = parameters.columns();
    let schema = parameters.schema_text(&columns, &row)?;
    let system = parameters.system.as_ref().map(|template| columns.render(&row, "system", template)).transpose()?;
    let prompt = Prompt::new(system, columns.render(&row, "prompt", &parameters.prompt)?);
    let answer = model.generate_one(prompt.request().schema(schema)).await?;
    let mut values = match (&parameters.into, &parameters.schema) {
        (None, Some(schema)) => schema.values(Json::from_text(&answer.text))?,
        _ => vec![AnyValue::Json(answer.text.clone().into())],
    };
    if parameters.metadata.is_some() {
        values.push(AnyValue::Json(metadata(&prompt, &answer).to_string().into()));
    }
    Ok(AnyOutput(values))
}
