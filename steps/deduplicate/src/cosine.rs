use stillbox_sdk::Result;
use stillbox_sdk::any::AnyValue;
use stillbox_vectors::Vectors;

/// Rounding makes the similarity of a vector to itself slightly less than 1.
const ROUNDING: f64 = 1e-9;

/// The distinct vectors so far.
#[derive(Debug)]
pub(crate) struct Cosine {
    threshold: f64,
    vectors: Vectors,
}

impl Cosine {
    pub(crate) fn new(threshold: f64) -> Self {
        Self { threshold, vectors: Vectors::default() }
    }

    /// Returns whether a vector differs from all earlier ones, and adds it if so. A null does.
    ///
    /// # Errors
    /// The vector has no direction, or another width than those before it.
    pub(crate) fn is_new(&mut self, value: &AnyValue<'_>) -> Result<bool> {
        let AnyValue::Vector(vector) = value else { return Ok(true) };
        let length = self.vectors.length_of_direction(vector)?;
        if self.vectors.cosines(vector, length).any(|cosine| cosine >= self.threshold - ROUNDING) {
            return Ok(false);
        }
        self.vectors.push(vector, length);
        Ok(true)
    }
}
