use stillbox_sdk::any::{DataType, Field};
use stillbox_sdk::{Parameters, Result, ensure};

/// The parameters of the step.
#[derive(Clone, Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs)]
pub struct Parameters {
    /// The columns to compare, of any type: at least one, each only once. For `near` their values are joined into one text, with
    /// line breaks between them and without nulls. For `cosine` it is one column with vectors.
    pub columns: Vec<String>,
    /// `exact` for equal rows, `near` for similar texts, `cosine` for similar vectors. `threshold` applies to the last two, all following parameters
    /// to `near`.
    #[parameter(default = Method::Exact)]
    pub method: Method,
    /// The similarity to an earlier row, from 0 to 1, from which a row is dropped.
    #[parameter(default = 0.8, min = 0.0, max = 1.0)]
    pub threshold: f64,
    /// The unit of shingles: `characters`, or `words`, which are separated by white space. Letter case and, between characters,
    /// white space count as differences; run the step `normalize-text` first to ignore them.
    #[parameter(default = Shingle::Characters)]
    pub shingle: Shingle,
    /// The number of characters or words in a shingle. A shorter text is one shingle.
    #[parameter(default = 5, min = 1, max = 100)]
    pub shingle_size: usize,
    /// The number of permutations. The standard error of the estimated similarity is at most 0.5 divided by the square root of
    /// this number: 0.044 for 128.
    #[parameter(default = 128, min = 1, max = 1024)]
    pub permutations: usize,
    /// The number of bands of the permutations. It must divide `permutations`. More bands find more pairs, and compare more.
    #[parameter(default = 16, min = 1, max = 1024)]
    pub bands: usize,
    /// The seed of the permutations.
    #[parameter(default = 0)]
    pub seed: u64,
}

/// The rows that count as duplicates.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Method {
    /// Equal rows.
    Exact,
    /// Rows with similar texts.
    Near,
    /// Rows with similar vectors.
    Cosine,
}

/// The unit of shingles.
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
        if self.method == Method::Cosine {
            ensure!(
                self.columns.len() == 1,
                "`method = \"cosine\"` compares one column, but `columns` names {}",
                self.columns.len()
            );
        }
        let Self { permutations, bands, .. } = self;
        let divides = permutations.is_multiple_of(*bands);
        ensure!(divides, "`permutations` is {permutations}, which is not divisible by `bands`, {bands}");
        Ok(())
    }

    fn inputs(&self) -> Vec<Field> {
        let data_type = if self.method == Method::Cosine { DataType::Vector } else { DataType::Json };
        self.columns.iter().map(|name| Field::new(name, data_type)).collect()
    }
}
