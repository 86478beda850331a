use stillbox_sdk::any::{DataType, Field};
use stillbox_sdk::{Parameters, Result, ensure};

/// What the step is told.
#[derive(Clone, Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs)]
pub struct Parameters {
    /// The columns that are compared, of any type: at least one, each once. For `near` their values are put together to one
    /// text, with line breaks between them and without nulls.
    pub columns: Vec<String>,
    /// `exact` or `near`. All parameters that follow are for `near`.
    #[parameter(default = Method::Exact)]
    pub method: Method,
    /// How similar a row has to be to one that was kept to be dropped, from 0 to 1.
    #[parameter(default = 0.8, min = 0.0, max = 1.0)]
    pub threshold: f64,
    /// What shingles are made of: `characters`, or `words`, which stand between white space. Upper and lower case differ, and
    /// so does white space between characters; the step `normalize-text` makes them the same.
    #[parameter(default = Shingle::Characters)]
    pub shingle: Shingle,
    /// How many characters or words make a shingle. A text that has fewer is one shingle.
    #[parameter(default = 5, min = 1, max = 100)]
    pub shingle_size: usize,
    /// How many permutations there are. The estimate's standard error is at most half of one by the root of it: 0.044
    /// for 128.
    #[parameter(default = 128, min = 1, max = 1024)]
    pub permutations: usize,
    /// How many bands the permutations are divided into, without a rest. More bands find more pairs, and compare more.
    #[parameter(default = 16, min = 1, max = 1024)]
    pub bands: usize,
    /// The seed of the permutations.
    #[parameter(default = 0)]
    pub seed: u64,
}

/// When two rows are taken for one.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Method {
    /// When they are the same.
    Exact,
    /// When they are nearly the same.
    Near,
}

/// What shingles are made of.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Shingle {
    /// Unicode characters.
    Characters,
    /// Words.
    Words,
}

impl Parameters {
    fn check(&self) -> Result<()> {
        ensure!(!self.columns.is_empty(), "`columns` names no column");
        let Self { permutations, bands, .. } = self;
        let divides = permutations.is_multiple_of(*bands);
        ensure!(divides, "`permutations` is {permutations}, which cannot be divided into {bands} `bands`");
        Ok(())
    }

    fn inputs(&self) -> Vec<Field> {
        self.columns.iter().map(|name| Field::new(name, DataType::Json)).collect()
    }
}
