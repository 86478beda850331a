//! The step `nearest`.

mod table;

use std::borrow::Cow;

use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::{Aggregate, Batch, Context as _, Json, Parameters, Result, Rows, bail, step};
use table::{Limits, Table};

/// The number of rows in a batch of the output.
const OUTPUT_BATCH_ROWS: usize = 1000;

/// The parameters of the step.
#[derive(Clone, Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The column with the vectors, which all have the same width.
    pub column: String,
    /// A column of any type that names a row in the lists of others, such as `id`. With `file` it is a column of the file.
    pub id: String,
    /// A JSON Lines file, in a folder that the step is granted, whose rows are listed instead of the other rows.
    pub file: Option<String>,
    /// The column of the file with the vectors. Without it the column has the name `column`.
    pub file_column: Option<String>,
    /// The number of rows in a list.
    #[parameter(default = 5, min = 1, max = 1000)]
    pub count: u32,
    /// The smallest cosine similarity, from -1 to 1, of a row in a list.
    #[parameter(default = -1.0, min = -1.0, max = 1.0)]
    pub min_similarity: f64,
    /// The output column for the list of the most similar rows: objects with `id` and `similarity`, the most similar first.
    #[parameter(default = "nearest")]
    pub into: String,
}

impl Parameters {
    fn check(&self) -> Result<()> {
        if self.file_column.is_some() && self.file.is_none() {
            bail!("`file-column` requires `file`");
        }
        Ok(())
    }

    fn inputs(&self) -> Vec<Field> {
        let mut inputs = vec![Field::new(&self.column, DataType::Vector)];
        if self.file.is_none() {
            inputs.push(Field::new(&self.id, DataType::Json));
        }
        inputs
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(&self.into, DataType::Json)]
    }
}

/// The rows that are listed, and those that wait for the last of them.
#[derive(Debug)]
pub struct Nearest {
    parameters: Parameters,
    table: Table,
    /// Whether the file has been read.
    is_read: bool,
    /// The row of each vector. Rows can be rejected.
    rows: Vec<usize>,
    seen: usize,
    next: usize,
}

/// Lists the most similar rows of each row, by the cosine similarity of vectors: of all other rows, or of those in a file. The search is exact:
/// it compares each pair.
#[step]
impl Aggregate for Nearest {
    type Parameters = Parameters;
    type Input = AnyRow<'static>;
    type Output = AnyOutput<'static>;

    fn new(parameters: &Parameters) -> Result<Self> {
        let parameters = parameters.clone();
        Ok(Self { parameters, table: Table::default(), is_read: false, rows: Vec::new(), seen: 0, next: 0 })
    }

    fn process(&mut self, batch: Batch<'_, AnyRow<'_>>) -> Result<Rows<AnyOutput<'static>>> {
        self.read()?;
        let mut rows = Rows::new();
        for (index, row) in batch.iter().enumerate() {
            let row = row?;
            let result = match &self.parameters.file {
                Some(_) => self.list(&row).map(Some),
                None => self.add(&row).map(|()| None),
            };
            match result {
                Ok(Some(list)) => rows.push_from(index, list)?,
                Ok(None) => self.rows.push(self.seen),
                Err(error) => rows.reject(index, error),
            }
            self.seen += 1;
        }
        Ok(rows)
    }

    fn finish(&mut self) -> Result<Option<Rows<AnyOutput<'static>>>> {
        let mut rows = Rows::new();
        let end = (self.next + OUTPUT_BATCH_ROWS).min(self.rows.len());
        for index in self.next..end {
            rows.push_from(self.rows[index], output(self.table.nearest_others(index, self.limits())?))?;
        }
        self.next = end;
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }
}

impl Nearest {
    /// Reads the file for the first batch.
    fn read(&mut self) -> Result<()> {
        let Parameters { file, file_column, column, id, .. } = &self.parameters;
        if let Some(file) = file.as_ref().filter(|_| !self.is_read) {
            let column = file_column.as_ref().unwrap_or(column);
            self.table = Table::read(file, column, id).with_context(|| format!("cannot read {file}"))?;
            self.is_read = true;
        }
        Ok(())
    }

    fn vector<'a>(&self, row: &AnyRow<'a>) -> Result<Cow<'a, [f32]>> {
        match row.get(0) {
            AnyValue::Vector(vector) => Ok(vector),
            _ => bail!("the column `{}` is null", self.parameters.column),
        }
    }

    fn add(&mut self, row: &AnyRow<'_>) -> Result<()> {
        let vector = self.vector(row)?;
        self.table.add(&vector, row.json(1).map_or("null", Json::text))
    }

    /// Returns the output of a row whose neighbours are in the file.
    fn list(&self, row: &AnyRow<'_>) -> Result<AnyOutput<'static>> {
        Ok(output(self.table.nearest(&self.vector(row)?, self.limits())?))
    }

    fn limits(&self) -> Limits {
        Limits { count: self.parameters.count as usize, min_similarity: self.parameters.min_similarity }
    }
}

fn output(list: String) -> AnyOutput<'static> {
    AnyValue::Json(list.into()).into()
}
