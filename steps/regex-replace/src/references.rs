/// Returns the groups that a replacement names, by the rules of the crate `regex`: `$name`, where the name is the longest sequence
/// of letters, digits and `_`, or `${name}`.
pub(crate) fn references(replacement: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = replacement;
    while let Some((_, after)) = rest.split_once('$') {
        rest = if let Some(after) = after.strip_prefix('$') {
            after
        } else if let Some((name, after)) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            found.push(name);
            after
        } else {
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            let end = after.bytes().position(|byte| !is_name(byte)).unwrap_or(after.len());
            if end > 0 {
                found.push(&after[..end]);
            }
            &after[end..]
        };
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_longest_sequence_of_its_characters() {
        assert_eq!(references("$1 ${a b}$x_1y-$$2 $ ${"), ["1", "a b", "x_1y"]);
        assert_eq!(references("ä$1ä$2"), ["1", "2"]);
        assert!(references("no dollar").is_empty());
    }
}
