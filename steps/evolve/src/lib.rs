//! The step `evolve`.

mod operators;

pub use operators::OperatorSet;
use stillbox_prompt::{Columns, Prompt};
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::model::Model;
use stillbox_sdk::random::Random;
use stillbox_sdk::serde_json::Value;
use stillbox_sdk::{Parameters, Result, bail, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The column with the texts.
    pub column: String,
    /// The output column.
    #[parameter(default = "evolved")]
    pub into: String,
    /// The number of rounds. Each rewrites the text of the round before with one operator.
    #[parameter(default = 1, min = 1, max = 16)]
    pub rounds: u32,
    /// The built-in operators: `instruction` makes an instruction harder or rarer, `complexity` only harder, and `answer` improves the
    /// answer to an instruction.
    #[parameter(default = OperatorSet::Instruction)]
    pub set: OperatorSet,
    /// Operators instead of the built-in ones: each describes a change, such as `Ask for an example.`
    #[parameter(default)]
    pub operators: Vec<String>,
    /// The text column with the instruction that the text answers. `set = "answer"` needs it.
    pub instruction: Option<String>,
    /// `last` writes the text of the last round, `all` a list of the texts of all rounds.
    #[parameter(default = Keep::Last)]
    pub keep: Keep,
    /// The seed of the choice of operators, which depends on it and on the text.
    #[parameter(default = 0)]
    pub seed: u64,
}

/// The texts to write.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Keep {
    /// The text of the last round.
    Last,
    /// The texts of all rounds.
    All,
}

impl Parameters {
    fn check(&self) -> Result<()> {
        let needs_instruction = self.set == OperatorSet::Answer && self.operators.is_empty();
        ensure!(!needs_instruction || self.instruction.is_some(), "`set = \"answer\"` needs `instruction`");
        ensure!(
            self.operators.iter().all(|operator| !operator.trim().is_empty()),
            "an operator in `operators` is empty"
        );
        Ok(())
    }

    fn columns(&self) -> Columns<'_> {
        Columns::default().names([&self.column]).names(&self.instruction)
    }

    fn inputs(&self) -> Vec<Field> {
        self.columns().fields()
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(&self.into, if self.keep == Keep::All { DataType::Json } else { DataType::Text })]
    }

    /// Returns the operator of each round for a text.
    fn operators(&self, text: &str) -> Vec<&str> {
        let all: Vec<&str> = match &self.operators[..] {
            [] => self.set.operators().to_vec(),
            own => own.iter().map(String::as_str).collect(),
        };
        let mut random = Random::for_index(self.seed, hash(text));
        (0..self.rounds).map(|_| all[random.below(all.len() as u64) as usize]).collect()
    }
}

/// Rewrites texts in rounds with a language model, each round with one of several operators.
#[step(concurrency = 1024)]
pub async fn evolve(parameters: &Parameters, row: AnyRow<'_>, model: Model) -> Result<AnyOutput<'static>> {
    let columns = parameters.columns();
    let original = columns.text(&row, &parameters.column)?;
    let instruction = parameters.instruction.as_ref().map(|name| columns.text(&row, name)).transpose()?;
    ensure!(!original.trim().is_empty(), "the text in the column `{}` is empty", parameters.column);
    let mut texts: Vec<String> = Vec::new();
    for (round, operator) in parameters.operators(&original).into_iter().enumerate() {
        let text = texts.last().map_or(&*original, String::as_str);
        let message = operators::message(text, operator, instruction.as_deref());
        let answer = model.generate_one(Prompt::new(Some(operators::SYSTEM.to_owned()), message).request()).await?;
        let evolved = answer.text.trim();
        if evolved.is_empty() || evolved == text.trim() {
            let problem = if evolved.is_empty() { "an empty text" } else { "the text without a change" };
            bail!("the model returned {problem} in round {}, with the operator {operator:?}", round + 1);
        }
        texts.push(evolved.to_owned());
    }
    Ok(match parameters.keep {
        Keep::Last => AnyValue::Text(texts.pop().unwrap_or_default().into()),
        Keep::All => AnyValue::Json(Value::from(texts).to_string().into()),
    }
    .into())
}

/// Returns the 64-bit FNV-1a hash of a text.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // From the authors' test vectors.
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("foobar"), 0x8594_4171_f739_67e8);
    }
}
