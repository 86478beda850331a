//! The step `cluster`.

mod k_means;

use k_means::KMeans;
use stillbox_sdk::{Aggregate, Batch, Input, Output, Parameters, Result, Rows, step};
use stillbox_vectors::Vectors;

/// The number of rows in a batch of the output.
const OUTPUT_BATCH_ROWS: usize = 10_000;

/// The parameters of the step.
#[derive(Clone, Debug, Parameters)]
pub struct Parameters {
    /// The column with the vectors, which all have the same width.
    pub column: String,
    /// The number of clusters. There are fewer if there are fewer distinct vectors.
    #[parameter(min = 1, max = 10_000)]
    pub clusters: u32,
    /// The output column for the number of the cluster, from 0.
    #[parameter(default = "cluster")]
    pub into: String,
    /// The output column for the distance to the centre of the cluster.
    #[parameter(default = "distance")]
    pub distance: String,
    /// Scales each vector to the length 1, so that only directions count, as with cosine similarity.
    #[parameter(default = true)]
    pub normalize: bool,
    /// The most rounds of assigning vectors and moving centres. It ends earlier if no vector changes its cluster.
    #[parameter(default = 50, min = 1, max = 1000)]
    pub rounds: u32,
    /// The seed of the choice of the first centres.
    #[parameter(default = 0)]
    pub seed: u64,
}

/// The column that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The vector.
    #[column(from = "column")]
    pub vector: &'a [f32],
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Clustered {
    /// The number of the cluster.
    #[column(from = "into")]
    pub cluster: u32,
    /// The distance to its centre.
    #[column(from = "distance")]
    pub distance: f64,
}

/// The vectors of all rows.
#[derive(Debug)]
pub struct Cluster {
    parameters: Parameters,
    vectors: Vectors,
    /// The row of each vector. Rows can be rejected.
    rows: Vec<usize>,
    seen: usize,
    result: Option<Vec<(u32, f64)>>,
    next: usize,
}

/// Divides rows into clusters of near vectors by k-means (Lloyd, with the first centres of k-means++ by Arthur and Vassilvitskii, 2007).
#[step]
impl Aggregate for Cluster {
    type Parameters = Parameters;
    type Input = Row<'static>;
    type Output = Clustered;

    fn new(parameters: &Parameters) -> Result<Self> {
        let (vectors, rows) = (Vectors::default(), Vec::new());
        Ok(Self { parameters: parameters.clone(), vectors, rows, seen: 0, result: None, next: 0 })
    }

    fn process(&mut self, batch: Batch<'_, Row<'_>>) -> Result<Rows<Clustered>> {
        let mut rows = Rows::new();
        for (index, row) in batch.iter().enumerate() {
            match row.and_then(|row| self.add(row.vector)) {
                Ok(()) => self.rows.push(self.seen),
                Err(error) => rows.reject(index, error),
            }
            self.seen += 1;
        }
        Ok(rows)
    }

    fn finish(&mut self) -> Result<Option<Rows<Clustered>>> {
        let Parameters { clusters, rounds, seed, .. } = self.parameters;
        let vectors = &self.vectors;
        let result = self.result.get_or_insert_with(|| KMeans(vectors).cluster(clusters as usize, rounds, seed));
        let mut rows = Rows::new();
        for (row, (cluster, distance)) in self.rows.iter().zip(result).skip(self.next).take(OUTPUT_BATCH_ROWS) {
            rows.push_from(*row, Clustered { cluster: *cluster, distance: *distance })?;
        }
        self.next += rows.len();
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }
}

impl Cluster {
    fn add(&mut self, vector: &[f32]) -> Result<()> {
        if self.parameters.normalize {
            let length = self.vectors.length_of_direction(vector)?;
            self.vectors.push_direction(vector, length);
        } else {
            let length = self.vectors.length(vector)?;
            self.vectors.push(vector, length);
        }
        Ok(())
    }
}
