//! The step `self-instruct`.

use stillbox_prompt::{Columns, Prompt, Template};
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::model::Model;
use stillbox_sdk::serde_json::{Value, json};
use stillbox_sdk::{Json, Parameters, Result, bail, ensure, step};

/// The instructions for the model.
const SYSTEM: &str = "You write instructions that users could give to an assistant that answers by text alone. Each instruction makes sense by itself. \
     They differ in their subjects, tasks, wording and length.";

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The subject or application of the instructions: a template over the columns, such as `{{ topic }}`.
    pub prompt: Template,
    /// The number of instructions of a row.
    #[parameter(default = 5, min = 1, max = 100)]
    pub count: u32,
    /// More about the instructions, such as their difficulty or language: a template like `prompt`.
    pub criteria: Option<Template>,
    /// The output column.
    #[parameter(default = "instruction")]
    pub into: String,
}

impl Parameters {
    fn columns(&self) -> Columns<'_> {
        Columns::default().template(Some(&self.prompt)).template(self.criteria.as_ref())
    }

    fn inputs(&self) -> Vec<Field> {
        self.columns().fields()
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(&self.into, DataType::Text)]
    }

    /// Returns the message to the model.
    fn message(&self, row: &AnyRow<'_>) -> Result<String> {
        let columns = self.columns();
        let mut text = format!("# Subject\n\n{}\n\n", columns.render(row, "prompt", &self.prompt)?);
        if let Some(criteria) = &self.criteria {
            text.extend(["# Criteria\n\n", &columns.render(row, "criteria", criteria)?, "\n\n"]);
        }
        Ok(text + &format!("Write {} instructions.", self.count))
    }
}

/// Creates a row for each of several instructions that a language model writes about a subject. The other columns are repeated.
#[step(concurrency = 1024)]
pub async fn self_instruct(parameters: &Parameters, row: AnyRow<'_>, model: Model) -> Result<Vec<AnyOutput<'static>>> {
    let schema = json!({
        "type": "object",
        "properties": {
            "instructions": {
                "type": "array",
                "items": { "type": "string", "minLength": 1 },
                "minItems": parameters.count,
                "maxItems": parameters.count,
            },
        },
        "required": ["instructions"],
        "additionalProperties": false,
    });
    let prompt = Prompt::new(Some(SYSTEM.to_owned()), parameters.message(&row)?);
    let answer = model.generate_one(prompt.request().schema(schema)).await?;
    let answer: Value = Json::from_text(&answer.text).parse()?;
    let Some(instructions) = answer["instructions"].as_array() else {
        bail!("the answer of the model has no instructions")
    };
    let mut texts: Vec<&str> = Vec::with_capacity(instructions.len());
    for text in instructions.iter().filter_map(Value::as_str).map(str::trim) {
        if !text.is_empty() && !texts.contains(&text) {
            texts.push(text);
        }
    }
    ensure!(!texts.is_empty(), "all instructions of the model are empty");
    Ok(texts.into_iter().map(|text| AnyValue::Text(text.to_owned().into()).into()).collect())
}
