//! Parts of the cases, for test runs on several machines.

use std::str::FromStr;

/// One of several parts of the cases. Cases are dealt out one by one, so that the parts differ by at most one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1.
    part: usize,
    parts: usize,
}

impl Shard {
    /// Returns whether the case with this index among all cases is in the part.
    pub(super) fn contains(self, index: usize) -> bool {
        index % self.parts == self.part - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    /// Parses `PART/PARTS`, such as `2/4`.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(part, parts)| Some((part.parse().ok()?, parts.parse().ok()?)));
        match numbers {
            Some((part, parts)) if (1..=parts).contains(&part) => Ok(Self { part, parts }),
            Some((part, parts)) => Err(format!("there is no part {part} of {parts}; the parts are counted from 1")),
            None => Err("write the part and the number of parts, such as 2/4".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_in_exactly_one_part() {
        let parts: Vec<Shard> = (1..=3).map(|part| format!("{part}/3").parse().expect("it is a part")).collect();
        for index in 0..10 {
            assert_eq!(parts.iter().filter(|part| part.contains(index)).count(), 1);
        }
        let sizes = parts.iter().map(|part| (0..10).filter(|index| part.contains(*index)).count());
        assert_eq!(sizes.collect::<Vec<_>>(), [4, 3, 3]);
    }

    #[test]
    fn a_part_that_does_not_exist_is_an_error() {
        for text in ["", "2", "0/2", "3/2", "1/0", "a/2", "-1/2", "1/2/3", "99999999999999999999/1"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
