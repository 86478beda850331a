use stillbox_sdk::parameters::TextParameter;

/// The limit of the length of a template, in bytes, because it is copied into every row.
const MAX_BYTES: usize = 65_536;

/// A text with placeholders for columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
    columns: Vec<String>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Literal text.
    Text(String),
    /// The placeholder of a column: the index of the column.
    Column(usize),
}

impl Template {
    /// Returns the parts, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Returns the distinct columns of the placeholders.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    fn add_column(&mut self, name: &str) {
        let known = self.columns.iter().position(|column| column == name);
        let column = known.unwrap_or_else(|| {
            self.columns.push(name.to_owned());
            self.columns.len() - 1
        });
        self.pieces.push(Piece::Column(column));
    }
}

stillbox_sdk::text_parameter!(Template);

impl TextParameter for Template {
    fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_BYTES {
            return Err(format!("has {} bytes, more than the limit of {MAX_BYTES}", source.len()));
        }
        let mut template = Self { source: source.to_owned(), pieces: Vec::new(), columns: Vec::new() };
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let place = source.len() - rest.len() + at;
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                text.push_str(brace);
                rest = after;
                continue;
            }
            if brace == "}" {
                return Err(format!(
                    "has a `}}` at byte {place} without a `{{` before it; write `}}}}` for a literal brace"
                ));
            }
            let name = after.split_once('}').filter(|(name, _)| !name.contains('{'));
            let Some((name, after)) = name else {
                return Err(format!(
                    "has a `{{` at byte {place} without a `}}` after it; write `{{{{` for a literal brace"
                ));
            };
            if name.is_empty() {
                return Err(format!("has no column name in the braces at byte {place}"));
            }
            if !text.is_empty() {
                template.pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            template.add_column(name);
            rest = after;
        }
        text.push_str(rest);
        if !text.is_empty() {
            template.pieces.push(Piece::Text(text));
        }
        Ok(template)
    }

    fn source(&self) -> &str {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_braces_are_placeholders_and_double_braces_are_literal() {
        let template = Template::parse("{a b}{{{ü}}}: {a b}").unwrap();
        assert_eq!(template.columns(), ["a b", "ü"]);
        let text = |text: &str| Piece::Text(text.to_owned());
        let column = Piece::Column;
        assert_eq!(template.pieces(), [column(0), text("{"), column(1), text("}: "), column(0)]);
        assert_eq!(Template::parse("").unwrap().pieces(), []);
    }

    #[test]
    fn an_invalid_template_is_rejected_with_the_position_of_the_mistake() {
        let problem = |source: &str| Template::parse(source).unwrap_err();
        assert_eq!(problem("a {b"), "has a `{` at byte 2 without a `}` after it; write `{{` for a literal brace");
        assert_eq!(problem("{a {b}"), "has a `{` at byte 0 without a `}` after it; write `{{` for a literal brace");
        assert_eq!(problem("ä}"), "has a `}` at byte 2 without a `{` before it; write `}}` for a literal brace");
        assert_eq!(problem("{}"), "has no column name in the braces at byte 0");
        assert_eq!(problem(&"a".repeat(1 << 20)), "has 1048576 bytes, more than the limit of 65536");
    }
}
