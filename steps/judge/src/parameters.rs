//! The parameters of the step.

use stillbox_prompt::{Columns, Template};
use stillbox_sdk::any::{DataType, Field};
use stillbox_sdk::{Parameters, Result, ensure};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The criteria of a good answer, and the meaning of the scores: a template over the columns.
    pub criteria: Template,
    /// The instruction that the candidates answer, a template like `criteria`, such as `{{ instruction }}`.
    pub prompt: Option<Template>,
    /// The text columns with the candidates.
    #[parameter(default)]
    pub columns: Vec<String>,
    /// A column with a list of candidates, instead of `columns`.
    pub candidates: Option<String>,
    /// A text column with a correct answer to compare with.
    pub reference: Option<String>,
    /// `absolute` scores each candidate in a request of its own. `pairwise` compares each pair; the score is the number of comparisons
    /// that a candidate wins, and half of those without a winner.
    #[parameter(default = Mode::Absolute)]
    pub mode: Mode,
    /// The lowest score of `absolute`.
    #[parameter(default = 1)]
    pub min_score: i32,
    /// The highest score of `absolute`.
    #[parameter(default = 5)]
    pub max_score: i32,
    /// Compares each pair of `pairwise` a second time in the opposite order, because models prefer a position.
    #[parameter(default)]
    pub both_orders: bool,
    /// The output column for the list of scores, in the order of the candidates.
    #[parameter(default = "scores")]
    pub scores: String,
    /// The output column for the list of rationales; of comparisons in `pairwise`.
    #[parameter(default = "rationales")]
    pub rationales: String,
    /// The output column for the index of the candidate with the highest score, from 0. It is the first one of equals.
    #[parameter(default = "best")]
    pub best: String,
    /// The output column for the highest score.
    #[parameter(default = "score")]
    pub score: String,
}

/// The way of judging.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Mode {
    /// A score for each candidate.
    Absolute,
    /// The better one of each pair.
    Pairwise,
}

impl Parameters {
    fn check(&self) -> Result<()> {
        ensure!(self.columns.is_empty() == self.candidates.is_some(), "give either `columns` or `candidates`");
        ensure!(self.min_score < self.max_score, "`min-score` has to be less than `max-score`");
        ensure!(self.mode == Mode::Pairwise || !self.both_orders, "`both-orders` is for the mode `pairwise`");
        ensure!(
            self.mode == Mode::Absolute || self.columns.len() != 1,
            "the mode `pairwise` compares two or more `columns`"
        );
        Ok(())
    }

    pub(crate) fn columns(&self) -> Columns<'_> {
        let columns = Columns::default().template(Some(&self.criteria)).template(self.prompt.as_ref());
        columns.names(&self.columns).names(&self.candidates).names(&self.reference)
    }

    fn inputs(&self) -> Vec<Field> {
        self.columns().fields()
    }

    fn outputs(&self) -> Vec<Field> {
        vec![
            Field::new(&self.scores, DataType::Json),
            Field::new(&self.rationales, DataType::Json),
            Field::new(&self.best, DataType::Integer),
            Field::new(&self.score, DataType::Float),
        ]
    }
}
