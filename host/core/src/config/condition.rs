//! A comparison of a column with a literal, such as `score >= 4`.

use std::cmp::Ordering;
use std::fmt;

/// A column, an operator and a literal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) column: String,
    pub(crate) comparison: Comparison,
    pub(crate) literal: Literal,
}

/// The operator of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The value with which a column is compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Boolean(bool),
    Integer(i64),
    /// A finite number.
    Float(f64),
    Text(String),
}

/// An example for messages.
const EXAMPLE: &str =
    "write a column, an operator and a value, such as `score >= 4`, `lang == 'en'` or `passed == true`";

/// Every operator as it is written. Those of two characters come first.
const OPERATORS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

/// The problem of a text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ConditionError {
    pub(super) message: String,
    pub(super) help: &'static str,
}

impl ConditionError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: EXAMPLE }
    }
}

impl Condition {
    /// Parses a condition. A column whose name has spaces or operators is in backticks.
    ///
    /// # Errors
    /// The column, the operator or the value is missing or malformed, or something follows the value.
    pub(super) fn parse(text: &str) -> Result<Self, ConditionError> {
        let (column, rest) = column(text.trim())?;
        let Some((written, comparison)) = OPERATORS.iter().find(|(written, _)| rest.starts_with(written)) else {
            let help = if rest.starts_with('=') { "write `==`" } else { EXAMPLE };
            let message = format!("it has no operator after the column \"{column}\"");
            return Err(ConditionError { message, help });
        };
        let literal = literal(rest[written.len()..].trim())?;
        if matches!(literal, Literal::Boolean(_)) && !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            let message = format!("`{written}` does not compare true and false");
            return Err(ConditionError { message, help: "use `==` or `!=`" });
        }
        Ok(Self { column, comparison: *comparison, literal })
    }
}

/// Returns the column at the start of a text, and the rest from the next character that is no space.
fn column(text: &str) -> Result<(String, &str), ConditionError> {
    let (column, rest) = if let Some(quoted) = text.strip_prefix('`') {
        quoted.split_once('`').ok_or_else(|| ConditionError::new("a backtick around the column is missing"))?
    } else {
        let end = text.find(|c: char| c.is_whitespace() || "=!<>'\"`".contains(c)).unwrap_or(text.len());
        text.split_at(end)
    };
    if column.is_empty() {
        return Err(ConditionError::new("it does not start with a column"));
    }
    Ok((column.to_owned(), rest.trim_start()))
}

fn literal(text: &str) -> Result<Literal, ConditionError> {
    let Some(quote) = text.chars().next() else {
        return Err(ConditionError::new("it has no value after the operator"));
    };
    if matches!(quote, '\'' | '"') {
        let inner = text[1..].strip_suffix(quote).filter(|inner| !inner.contains(quote));
        let inner = inner.ok_or_else(|| ConditionError::new("its text is not in one pair of quotation marks"))?;
        return Ok(Literal::Text(inner.to_owned()));
    }
    if let Ok(value) = text.parse() {
        return Ok(Literal::Boolean(value));
    }
    if let Ok(value) = text.parse() {
        return Ok(Literal::Integer(value));
    }
    // Rust also parses `inf` and `NaN`.
    let is_number = text.chars().all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    match text.parse::<f64>() {
        Ok(value) if is_number && value.is_finite() => Ok(Literal::Float(value)),
        _ => {
            let message = "its value is neither a number, nor `true` or `false`, nor a text in quotation marks";
            Err(ConditionError::new(message))
        }
    }
}

impl Comparison {
    /// Whether the comparison holds for a value that is ordered like this to the literal.
    pub(crate) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "the number {value}"),
            Self::Float(value) => write!(f, "the number {value}"),
            Self::Text(_) => f.write_str("a text"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (String, Comparison, Literal) {
        let Condition { column, comparison, literal } =
            Condition::parse(text).unwrap_or_else(|error| panic!("{error:?}"));
        (column, comparison, literal)
    }

    fn error(text: &str) -> String {
        Condition::parse(text).expect_err(text).message
    }

    #[test]
    fn a_condition_is_a_column_an_operator_and_a_value() {
        assert_eq!(parsed("score >= 4"), ("score".into(), Comparison::GreaterOrEqual, Literal::Integer(4)));
        assert_eq!(parsed(" right-score<-1.5e1 "), ("right-score".into(), Comparison::Less, Literal::Float(-15.0)));
        assert_eq!(parsed("`a <= b`!='x y'"), ("a <= b".into(), Comparison::NotEqual, Literal::Text("x y".into())));
        assert_eq!(parsed("größe == \"it's\""), ("größe".into(), Comparison::Equal, Literal::Text("it's".into())));
        assert_eq!(parsed("passed == true"), ("passed".into(), Comparison::Equal, Literal::Boolean(true)));
    }

    #[test]
    fn anything_else_is_an_error() {
        let all = [
            "",
            "score",
            "score 4",
            "score = 4",
            ">= 4",
            "`score >= 4",
            "score >=",
            "score >= x",
            "score >= NaN",
            "score >= 1e999",
            "score == 'a",
            "score == 'a' or true",
            "score == 'a''b'",
            "score > true",
            "a.b == 4 5",
        ];
        let messages: Vec<_> = all.iter().map(|text| format!("{text}: {}", error(text))).collect();
        insta::assert_snapshot!(messages.join("\n"), @r#"
        : it does not start with a column
        score: it has no operator after the column "score"
        score 4: it has no operator after the column "score"
        score = 4: it has no operator after the column "score"
        >= 4: it does not start with a column
        `score >= 4: a backtick around the column is missing
        score >=: it has no value after the operator
        score >= x: its value is neither a number, nor `true` or `false`, nor a text in quotation marks
        score >= NaN: its value is neither a number, nor `true` or `false`, nor a text in quotation marks
        score >= 1e999: its value is neither a number, nor `true` or `false`, nor a text in quotation marks
        score == 'a: its text is not in one pair of quotation marks
        score == 'a' or true: its text is not in one pair of quotation marks
        score == 'a''b': its text is not in one pair of quotation marks
        score > true: `>` does not compare true and false
        a.b == 4 5: its value is neither a number, nor `true` or `false`, nor a text in quotation marks
        "#);
    }
}
