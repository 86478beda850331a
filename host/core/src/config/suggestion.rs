//! "Did you mean": the known name most similar to a misspelled one.

/// Names longer than this number of bytes are not compared: no known name is as long, and the comparison takes quadratic
/// time.
const MAX_COMPARED_BYTES: usize = 64;

/// Returns the candidate most similar to `written`, if it is similar enough to be a typing error.
///
/// Case and the difference between `_` and `-` are ignored. A third of the characters may differ, at least one and at
/// most three. Swapped neighbours count as one (restricted Damerau-Levenshtein distance).
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.is_empty() || written.len() > MAX_COMPARED_BYTES {
        return None;
    }
    let written = plain(written);
    let allowed = (written.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_COMPARED_BYTES)
        .map(|candidate| (strsim::osa_distance(&written, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> String {
    name.to_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["batch-rows", "description", "from", "name"];

    #[test]
    fn misspelled_names_are_recognised() {
        assert_eq!(nearest("batch_rows", KEYS), Some("batch-rows"));
        assert_eq!(nearest("Name", KEYS), Some("name"));
        assert_eq!(nearest("form", KEYS), Some("from"));
        assert_eq!(nearest("decsription", KEYS), Some("description"));
    }

    #[test]
    fn unrelated_names_are_not_suggested() {
        assert_eq!(nearest("component", KEYS), None);
        assert_eq!(nearest("", KEYS), None);
        assert_eq!(nearest("x", KEYS), None);
        assert_eq!(nearest(&"name".repeat(1000), KEYS), None);
    }
}
