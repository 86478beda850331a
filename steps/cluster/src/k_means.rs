//! The k-means algorithm.

use stillbox_sdk::random::Random;
use stillbox_vectors::Vectors;

/// The vectors to divide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KMeans<'a>(pub(crate) &'a Vectors);

impl KMeans<'_> {
    /// Returns the cluster of each vector, and the distance to its centre. Clusters are numbered in the order of their first vectors.
    pub(crate) fn cluster(self, clusters: usize, rounds: u32, seed: u64) -> Vec<(u32, f64)> {
        let mut centres = self.first_centres(clusters, seed);
        let mut assigned = self.assign(&centres);
        for _ in 1..rounds {
            centres = self.means(&assigned, centres);
            let next = self.assign(&centres);
            let is_stable = next.iter().zip(&assigned).all(|((one, _), (other, _))| one == other);
            assigned = next;
            if is_stable {
                break;
            }
        }
        let mut numbers: Vec<Option<u32>> = vec![None; centres.len()];
        let mut known = 0;
        let number = |(cluster, square): (usize, f64)| {
            let number = *numbers[cluster].get_or_insert_with(|| {
                known += 1;
                known - 1
            });
            (number, square.sqrt())
        };
        assigned.into_iter().map(number).collect()
    }

    /// Chooses vectors as centres, each with a probability proportional to its squared distance from the nearest one before it.
    fn first_centres(self, clusters: usize, seed: u64) -> Vec<Vec<f64>> {
        let all = self.0.len();
        if all == 0 {
            return Vec::new();
        }
        let mut random = Random::new(seed);
        let centre = |index: usize| self.0.get(index).iter().map(|element| f64::from(*element)).collect::<Vec<f64>>();
        let mut centres = vec![centre(random.below(all as u64) as usize)];
        let mut squares = vec![f64::INFINITY; all];
        while centres.len() < clusters {
            let newest = &centres[centres.len() - 1];
            for (square, vector) in squares.iter_mut().zip(self.0.iter()) {
                *square = square.min(distance(vector, newest));
            }
            let total: f64 = squares.iter().sum();
            if total <= 0.0 {
                break; // all vectors are centres
            }
            let mut rest = random.unit() * total;
            let chosen = squares.iter().position(|square| {
                rest -= square;
                rest < 0.0
            });
            // Rounding can leave a rest.
            let last = squares.iter().rposition(|square| *square > 0.0);
            match chosen.or(last) {
                Some(index) => centres.push(centre(index)),
                None => break,
            }
        }
        centres
    }

    /// Returns the nearest centre of each vector, the first of equals, and the squared distance.
    fn assign(self, centres: &[Vec<f64>]) -> Vec<(usize, f64)> {
        let nearest = |vector: &[f32]| {
            let squares = centres.iter().map(|centre| distance(vector, centre)).enumerate();
            squares.min_by(|(_, one), (_, other)| one.total_cmp(other)).unwrap_or_default()
        };
        self.0.iter().map(nearest).collect()
    }

    /// Moves each centre to the mean of its vectors. One without vectors stays.
    fn means(self, assigned: &[(usize, f64)], mut centres: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        let mut sums = vec![vec![0.0; self.0.width()]; centres.len()];
        let mut counts = vec![0_usize; centres.len()];
        for (vector, (cluster, _)) in self.0.iter().zip(assigned) {
            counts[*cluster] += 1;
            for (sum, element) in sums[*cluster].iter_mut().zip(vector) {
                *sum += f64::from(*element);
            }
        }
        for ((centre, sum), count) in centres.iter_mut().zip(sums).zip(counts) {
            if count > 0 {
                *centre = sum.into_iter().map(|sum| sum / count as f64).collect();
            }
        }
        centres
    }
}

/// Returns the squared distance.
fn distance(vector: &[f32], centre: &[f64]) -> f64 {
    vector.iter().zip(centre).map(|(element, centre)| (f64::from(*element) - centre).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clusters(vectors: &[[f32; 2]], count: usize) -> Vec<u32> {
        let mut all = Vectors::default();
        for vector in vectors {
            all.push(vector, 1.0);
        }
        KMeans(&all).cluster(count, 20, 7).into_iter().map(|(cluster, _)| cluster).collect()
    }

    #[test]
    fn near_vectors_have_the_same_cluster() {
        let vectors = [[0.0, 0.0], [9.0, 9.0], [0.5, 0.0], [9.0, 8.5], [-9.0, 9.0]];
        assert_eq!(clusters(&vectors, 3), [0, 1, 0, 1, 2]);
    }

    #[test]
    fn there_are_no_more_clusters_than_distinct_vectors() {
        assert_eq!(clusters(&[[1.0, 1.0], [1.0, 1.0], [2.0, 2.0]], 9), [0, 0, 1]);
        assert_eq!(clusters(&[], 3), [0; 0]);
    }
}
