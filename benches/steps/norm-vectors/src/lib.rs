//! Normalises vectors: work that is floating-point arithmetic.

use stillbox_sdk::{Input, Output, Result, step};

/// What the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The vector.
    pub vector: &'a [f32],
}

/// What the step writes.
#[derive(Debug, Output)]
pub struct Normed {
    /// Its length.
    pub norm: f64,
}

/// Takes the length of a vector.
#[step]
pub fn norm_vectors(row: Row<'_>) -> Result<Normed> {
    Ok(Normed { norm: norm(row.vector) })
}

/// The Euclidean length. The sum has eight parts, so that a compiler may work on several elements at a time.
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
