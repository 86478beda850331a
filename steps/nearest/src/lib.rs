//! The step `nearest`.

use std::cmp::Ordering;

use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::serde_json::json;
use stillbox_sdk::{Aggregate, Batch, Json, Parameters, Result, Rows, bail, ensure, step};

/// The number of rows in a batch of the output.
const OUTPUT_BATCH_ROWS: usize = 1000;

/// The parameters of the step.
#[derive(Clone, Debug, Parameters)]
#[parameters(inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The column with the vectors, which all have the same width.
    pub column: String,
    /// A column of any type that names a row in the lists of others, such as `id`.
    pub id: String,
    /// The number of rows in a list.
    #[parameter(default = 5, min = 1, max = 1000)]
    pub count: u32,
    /// The smallest cosine similarity, from -1 to 1, of a row in a list.
    #[parameter(default = -1.0, min = -1.0, max = 1.0)]
    pub min_similarity: f64,
    /// The output column for the list of the most similar other rows: objects with `id` and `similarity`, the most similar first.
    #[parameter(default = "nearest")]
    pub into: String,
}

impl Parameters {
    fn inputs(&self) -> Vec<Field> {
        vec![Field::new(&self.column, DataType::Vector), Field::new(&self.id, DataType::Json)]
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(&self.into, DataType::Json)]
    }
}

/// The vectors of all rows.
#[derive(Debug)]
pub struct Nearest {
    parameters: Parameters,
    width: usize,
    /// The elements of the vectors, one after the other.
    elements: Vec<f32>,
    /// The length of each vector.
    lengths: Vec<f64>,
    ids: Vec<Box<str>>,
    /// The row of each vector. Rows can be rejected.
    rows: Vec<usize>,
    seen: usize,
    next: usize,
}

/// Lists the most similar other rows of each row, by the cosine similarity of vectors. The search is exact: it compares each pair of rows.
#[step]
impl Aggregate for Nearest {
    type Parameters = Parameters;
    type Input = AnyRow<'static>;
    type Output = AnyOutput<'static>;

    fn new(parameters: &Parameters) -> Result<Self> {
        let (elements, lengths, ids, rows) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Ok(Self { parameters: parameters.clone(), width: 0, elements, lengths, ids, rows, seen: 0, next: 0 })
    }

    fn process(&mut self, batch: Batch<'_, AnyRow<'_>>) -> Result<Rows<AnyOutput<'static>>> {
        let mut rows = Rows::new();
        for (index, row) in batch.iter().enumerate() {
            match row.and_then(|row| self.add(&row)) {
                Ok(()) => self.rows.push(self.seen),
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
            rows.push_from(self.rows[index], AnyValue::Json(self.nearest(index).into()).into())?;
        }
        self.next = end;
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }
}

impl Nearest {
    fn add(&mut self, row: &AnyRow<'_>) -> Result<()> {
        let AnyValue::Vector(vector) = row.get(0) else { bail!("the column `{}` is null", self.parameters.column) };
        if self.rows.is_empty() {
            self.width = vector.len();
        }
        let (found, width) = (vector.len(), self.width);
        ensure!(found > 0, "the vector has no elements");
        ensure!(found == width, "the vector has {found} elements, but those before it have {width}");
        let length = vector.iter().map(|element| f64::from(*element).powi(2)).sum::<f64>().sqrt();
        ensure!(length.is_finite(), "the vector has an element that is not a finite number");
        ensure!(length > 0.0, "the vector has the length 0, and so no direction");
        self.elements.extend_from_slice(&vector);
        self.lengths.push(length);
        self.ids.push(row.json(1).map_or("null", Json::text).into());
        Ok(())
    }

    /// Returns the list of a row, as JSON.
    fn nearest(&self, index: usize) -> String {
        let vector = |index: usize| &self.elements[index * self.width..(index + 1) * self.width];
        let own = vector(index);
        let others = (0..self.rows.len()).filter(|other| *other != index);
        let similarity = |other: usize| {
            let products = own.iter().zip(vector(other)).map(|(one, other)| f64::from(*one) * f64::from(*other));
            (other, (products.sum::<f64>() / (self.lengths[index] * self.lengths[other])).clamp(-1.0, 1.0))
        };
        let mut found: Vec<(usize, f64)> = others.map(similarity).collect();
        found.retain(|(_, similarity)| *similarity >= self.parameters.min_similarity);
        // Earlier rows come first among equals.
        let order = |one: &(usize, f64), other: &(usize, f64)| -> Ordering {
            other.1.total_cmp(&one.1).then(one.0.cmp(&other.0))
        };
        let count = self.parameters.count as usize;
        if found.len() > count {
            found.select_nth_unstable_by(count, order);
            found.truncate(count);
        }
        found.sort_unstable_by(order);
        let entry = |(other, similarity): (usize, f64)| {
            format!("{{\"id\":{},\"similarity\":{}}}", self.ids[other], json!(similarity))
        };
        format!("[{}]", found.into_iter().map(entry).collect::<Vec<_>>().join(","))
    }
}
