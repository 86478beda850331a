//! `{a,b}`: several patterns written as one.

/// The most alternatives of a pattern. Nested braces multiply, so a short pattern could otherwise fill the memory.
const MAX_ALTERNATIVES: usize = 1000;

/// Returns the patterns without braces that a pattern stands for, in the order in which they are written.
///
/// # Errors
/// A brace is not closed, or there are too many alternatives.
pub(crate) fn alternatives(pattern: &str) -> Result<Vec<String>, &'static str> {
    let mut done = Vec::new();
    // The next pattern to expand is the last one.
    let mut pending = vec![pattern.to_owned()];
    while let Some(pattern) = pending.pop() {
        let Some(open) = find_open(&pattern) else {
            done.push(pattern);
            continue;
        };
        let (parts, close) = parts(&pattern, open).ok_or("a `{` has no closing `}`")?;
        let (before, after) = (&pattern[..open], &pattern[close + 1..]);
        pending.extend(parts.iter().rev().map(|part| format!("{before}{part}{after}")));
        if pending.len() + done.len() > MAX_ALTERNATIVES {
            return Err("it stands for more than 1000 paths");
        }
    }
    Ok(done)
}

/// Returns the index of the first brace that is not in a set, as in `[{]`.
fn find_open(pattern: &str) -> Option<usize> {
    let mut rest = 0;
    loop {
        let at = rest + pattern[rest..].find(['{', '['])?;
        if pattern.as_bytes()[at] == b'{' {
            return Some(at);
        }
        // The first character of a set may be its closing bracket.
        let set = &pattern[at + 1..];
        let first = set.char_indices().find(|(_, c)| !matches!(c, '!' | '^')).map_or(0, |(at, c)| at + c.len_utf8());
        rest = set.get(first..).and_then(|set| set.find(']')).map_or(at + 1, |end| at + 1 + first + end);
    }
}

/// Returns the parts between commas of the brace at `open`, and the index of its end.
fn parts(pattern: &str, open: usize) -> Option<(Vec<&str>, usize)> {
    let (mut parts, mut start, mut depth) = (Vec::new(), open + 1, 0);
    for (at, c) in pattern.char_indices().skip_while(|(at, _)| *at <= open) {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&pattern[start..at]);
                return Some((parts, at));
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_become_alternatives_in_their_order() {
        assert_eq!(alternatives("b{2,1,}.csv").unwrap(), ["b2.csv", "b1.csv", "b.csv"]);
        assert_eq!(alternatives("{a,b{c,d}}").unwrap(), ["a", "bc", "bd"]);
        assert_eq!(alternatives("[{],x}]").unwrap(), ["[{],x}]"]);
        assert_eq!(alternatives("a}").unwrap(), ["a}"]);
        assert!(alternatives("{a,b").is_err());
        assert!(alternatives("[]{a").is_err());
    }
}
