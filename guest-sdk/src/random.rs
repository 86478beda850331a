//! Random numbers that are the same in every run, on every machine and in every version.
//!
//! A step's output must not depend on the sizes of batches or on retries. So every generator has a seed, and each row can have
//! its own generator: [`Random::for_index`].
//!
//! The generator is `SplitMix64` (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014): small,
//! fast, and good enough for sampling. It is not cryptographically secure.

/// A generator of random numbers.
///
/// ```
/// use stillbox_sdk::random::Random;
///
/// let mut random = Random::new(7);
/// assert!(random.below(6) < 6);
/// assert!((0.0..1.0).contains(&random.unit()));
/// assert_eq!(Random::for_index(7, 1000).next(), Random::for_index(7, 1000).next());
/// ```
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

/// The odd number nearest to 2^64 divided by the golden ratio: the steps of the generator.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Creates the generator for a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Creates the generator for a seed and an index, such as that of a row. Generators with different indexes are independent.
    pub const fn for_index(seed: u64, index: u64) -> Self {
        Self::new(mix(mix(seed).wrapping_add(STEP) ^ mix(index)))
    }

    /// Returns the next 64-bit number.
    pub const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// Returns a uniformly distributed number from 0 to `bound - 1` (Lemire: Fast Random Integer Generation in an Interval,
    /// 2019).
    ///
    /// # Panics
    /// The bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "the bound must be at least 1");
        loop {
            let product = u128::from(self.next()) * u128::from(bound);
            let low = product as u64;
            if low >= bound || low >= bound.wrapping_neg() % bound {
                return (product >> 64) as u64;
            }
        }
    }

    /// Returns a uniformly distributed number from 0 (included) to 1 (excluded).
    pub fn unit(&mut self) -> f64 {
        const MANTISSA: u32 = 53;
        (self.next() >> (u64::BITS - MANTISSA)) as f64 / (1_u64 << MANTISSA) as f64
    }
}

/// Maps a number to another, bijectively, so that every bit of the result depends on every bit of the argument (the finalizer
/// of `SplitMix64`).
pub const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        // From the reference implementation in C, with the seed 1234567.
        let mut random = Random::new(1_234_567);
        let numbers = [(); 5].map(|()| random.next());
        let expected = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        assert_eq!(numbers, expected);
    }

    #[test]
    fn numbers_below_a_bound_are_uniformly_distributed() {
        let mut random = Random::new(1);
        let mut counts = [0; 6];
        for _ in 0..60_000 {
            counts[random.below(6) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert_eq!(random.below(1), 0);
        assert!(random.below(u64::MAX) < u64::MAX);
    }

    #[test]
    fn generators_of_different_rows_are_independent() {
        let first: Vec<u64> = (0..1000).map(|row| Random::for_index(0, row).next()).collect();
        let mut distinct = first.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), first.len());
        assert_ne!(Random::for_index(0, 1).next(), Random::for_index(1, 0).next());
        let mean = (0..1000).map(|row| Random::for_index(9, row).unit()).sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }
}
