//! Computes the norms of vectors: floating-point arithmetic.

use stillbox_sdk::{Input, Output, Result, step};

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The vector.
    pub vector: &'a [f32],
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Normed {
    /// The Euclidean norm of the vector.
    pub norm: f64,
}

/// Computes the Euclidean norm of a vector.
#[step]
pub fn norm_vectors(row: Row<'_>) -> Result<Normed> {
    Ok(Normed { norm: norm(row.vector) })
}

/// Returns the Euclidean norm. It computes eight partial sums, so that the compiler can vectorise the loop.
pub fn norm(vector: &[f32]) -> f64 {
    let (chunks, rest) = vector.as_chunks::<8>();
    let mut sums = [0_f32; 8];
    for chunk in chunks {
        for (sum, element) in sums.iter_mut().zip(chunk) {
            *sum += element * element;
        }
    }
    let rest: f32 = rest.iter().map(|element| element * element).sum();
    f64::from(sums.iter().sum::<f32>() + rest).sqrt()
}
