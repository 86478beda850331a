//! Vectors of the same width and their cosine similarity, for steps that compare embeddings.

use stillbox_sdk::{Result, ensure};

/// Vectors of the same width, one after the other. Each element takes 4 bytes.
#[derive(Debug, Default)]
pub struct Vectors {
    width: usize,
    elements: Vec<f32>,
    lengths: Vec<f64>,
}

impl Vectors {
    /// Returns the length of a vector that can be added or compared.
    ///
    /// # Errors
    /// The vector has no elements, an element that is not a finite number, or another width than the vectors here.
    pub fn length(&self, vector: &[f32]) -> Result<f64> {
        let (found, width) = (vector.len(), self.width);
        ensure!(found > 0, "the vector has no elements");
        ensure!(self.is_empty() || found == width, "the vector has {found} elements, but those before it have {width}");
        let length = vector.iter().map(|element| f64::from(*element).powi(2)).sum::<f64>().sqrt();
        ensure!(length.is_finite(), "the vector has an element that is not a finite number");
        Ok(length)
    }

    /// Returns the length of a vector that has a direction.
    ///
    /// # Errors
    /// Those of [`Vectors::length`]; and the vector has the length 0.
    pub fn length_of_direction(&self, vector: &[f32]) -> Result<f64> {
        let length = self.length(vector)?;
        ensure!(length > 0.0, "the vector has the length 0, and so no direction");
        Ok(length)
    }

    /// Adds a vector, with the length that was returned for it.
    pub fn push(&mut self, vector: &[f32], length: f64) {
        self.width = vector.len();
        self.elements.extend_from_slice(vector);
        self.lengths.push(length);
    }

    /// Adds the direction of a vector, which has the length 1.
    pub fn push_direction(&mut self, vector: &[f32], length: f64) {
        self.width = vector.len();
        self.elements.extend(vector.iter().map(|element| (f64::from(*element) / length) as f32));
        self.lengths.push(1.0);
    }

    /// Returns the number of vectors.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Returns whether there are no vectors.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Returns the number of elements of a vector, 0 without vectors.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns a vector.
    pub fn get(&self, index: usize) -> &[f32] {
        &self.elements[index * self.width..(index + 1) * self.width]
    }

    /// Returns all vectors, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        self.elements.chunks_exact(self.width.max(1))
    }

    /// Returns the cosine similarity of each vector to one of this length, from -1 to 1.
    pub fn cosines(&self, vector: &[f32], length: f64) -> impl Iterator<Item = f64> {
        self.iter().zip(&self.lengths).map(move |(other, other_length)| {
            let products = vector.iter().zip(other).map(|(one, other)| f64::from(*one) * f64::from(*other));
            (products.sum::<f64>() / (length * other_length)).clamp(-1.0, 1.0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_compared() {
        let mut vectors = Vectors::default();
        for vector in [[1.0, 0.0], [0.0, -2.0], [3.0, 3.0]] {
            let length = vectors.length_of_direction(&vector).unwrap();
            vectors.push(&vector, length);
        }
        let cosines: Vec<f64> = vectors.cosines(&[0.0, 5.0], 5.0).collect();
        assert_eq!(cosines[..2], [0.0, -1.0]);
        assert!((cosines[2] - 0.5_f64.sqrt()).abs() < 1e-9);
        vectors.push_direction(&[0.0, 4.0], 4.0);
        assert_eq!(vectors.get(3), [0.0, 1.0]);
        assert_eq!((vectors.len(), vectors.iter().count()), (4, 4));
    }

    #[test]
    fn vectors_that_cannot_be_compared_are_rejected() {
        let mut vectors = Vectors::default();
        let message =
            |vectors: &Vectors, vector: &[f32]| vectors.length_of_direction(vector).unwrap_err().message().to_owned();
        assert_eq!(message(&vectors, &[]), "the vector has no elements");
        vectors.push(&[1.0, 0.0], 1.0);
        assert_eq!(message(&vectors, &[1.0]), "the vector has 1 elements, but those before it have 2");
        assert_eq!(message(&vectors, &[f32::NAN, 1.0]), "the vector has an element that is not a finite number");
        assert_eq!(message(&vectors, &[0.0, 0.0]), "the vector has the length 0, and so no direction");
        assert!(vectors.length(&[0.0, 0.0]).unwrap().abs() < f64::EPSILON);
    }
}
