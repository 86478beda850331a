//! Templates as parameters.

use std::collections::BTreeMap;

use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, ErrorKind, Output, State, UndefinedBehavior};
use stillbox_sdk::parameters::TextParameter;
use stillbox_sdk::{Error, Json, Result, bail};

/// The limit of the length of a template, in bytes.
const MAX_BYTES: usize = 65_536;
/// The limit of the instructions that a template executes for a row. A loop over a thousand values takes about ten thousand.
const FUEL: u64 = 1_000_000;
const NAME: &str = "template";

/// A template in the language of Jinja, whose variables are columns.
///
/// It runs within the step, so it can do nothing that the step cannot, and a limit of instructions ends it. Texts are inserted
/// unchanged, other values as JSON. A null and an undefined value are errors, so that no prompt lacks a value silently.
#[derive(Debug, Clone)]
pub struct Template {
    source: &'static str,
    environment: Environment<'static>,
    columns: Vec<String>,
}

impl Template {
    /// Returns the columns that the template uses, sorted.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Fills values into the template. They are `None` for a null.
    ///
    /// # Errors
    /// The template inserts a null or an undefined value, or fails.
    pub fn render<'a>(&self, value: impl Fn(&str) -> Option<Json<'a>>) -> Result<String> {
        let mut values = BTreeMap::new();
        let mut nulls = Vec::new();
        for column in &self.columns {
            let value = if let Some(json) = value(column) {
                json.parse::<Value>()?
            } else {
                nulls.push(format!("`{column}`"));
                Value::from(())
            };
            values.insert(column.as_str(), value);
        }
        let template = self.environment.get_template(NAME).map_err(|error| Error::internal(describe(&error)))?;
        let error = match template.render(&values) {
            Ok(text) => return Ok(text),
            Err(error) => error,
        };
        let message = describe(&error);
        if nulls.is_empty() {
            bail!("{message}");
        }
        let column = nulls[0].trim_matches('`').to_owned();
        let error = Error::input(format_args!("{message}; the null columns of this row are {}", nulls.join(", ")));
        Err(error.hint(format_args!("write `{{{{ {column} or \"\" }}}}` in the template where a null is allowed")))
    }
}

impl TextParameter for Template {
    fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_BYTES {
            return Err(format!("has {} bytes, more than the limit of {MAX_BYTES}", source.len()));
        }
        // The parameters of a step are read once in the life of its instance.
        let source: &'static str = Box::leak(source.into());
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_formatter(write);
        environment.add_filter("tojson", |value: Value| to_json(&value));
        environment.remove_global("debug");
        environment.add_template(NAME, source).map_err(|error| format!("is not a template: {}", describe(&error)))?;
        let template = environment.get_template(NAME).map_err(|error| describe(&error))?;
        let is_function = |name: &str| environment.globals().any(|(global, _)| global == name);
        let mut columns: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        columns.retain(|name| !is_function(name));
        columns.sort_unstable();
        Ok(Self { source, environment, columns })
    }

    fn source(&self) -> &str {
        self.source
    }
}

stillbox_sdk::text_parameter!(Template);

/// Writes a value into the text.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    match value.kind() {
        ValueKind::Undefined => Err(ErrorKind::UndefinedError.into()),
        ValueKind::None => Err(minijinja::Error::new(ErrorKind::InvalidOperation, "a value is null")),
        ValueKind::Bool | ValueKind::Map | ValueKind::Seq | ValueKind::Iterable => Ok(out.write_str(&to_json(value)?)?),
        _ => minijinja::escape_formatter(out, state, value),
    }
}

fn to_json(value: &Value) -> Result<String, minijinja::Error> {
    serde_json::to_string(value).map_err(|error| minijinja::Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// Describes an error with its line.
fn describe(error: &minijinja::Error) -> String {
    let problem = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("it takes more than {FUEL} instructions"),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    };
    match error.line() {
        Some(line) => format!("line {line}: {problem}"),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, values: &[(&str, &'static str)]) -> Result<String> {
        let value = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, json)| Json::from_text(json));
        Template::parse(template).unwrap().render(value)
    }

    fn problem(template: &str, values: &[(&str, &'static str)]) -> String {
        rendered(template, values).unwrap_err().message().to_owned()
    }

    #[test]
    fn the_variables_of_a_template_are_its_columns() {
        let template =
            "{% for x in b %}{{ loop.index }}{{ x }}{{ a.c }}{% endfor %}{{ range(2) }}{% set d = 1 %}{{ d }}";
        assert_eq!(Template::parse(template).unwrap().columns(), ["a", "b"]);
    }

    #[test]
    fn texts_are_inserted_unchanged_and_other_values_as_json() {
        let values = [("t", "\"<ä>\\n\""), ("n", "1.5"), ("o", "{\"z\": [null, true], \"a\": \"<\"}")];
        assert_eq!(
            rendered("{{ t }}|{{ n }}|{{ o }}|{{ o.z[1] }}", &values).unwrap(),
            "<ä>\n|1.5|{\"z\":[null,true],\"a\":\"<\"}|true"
        );
        assert_eq!(rendered("{{ t | tojson }}", &values).unwrap(), "\"<ä>\\n\"");
    }

    #[test]
    fn a_null_or_undefined_value_is_an_error_unless_the_template_replaces_it() {
        let error = rendered("a\n{{ t }}", &[]).unwrap_err();
        assert_eq!(error.message(), "line 2: a value is null; the null columns of this row are `t`");
        assert_eq!(rendered("{{ t or \"-\" }}", &[]).unwrap(), "-");
        assert_eq!(problem("{{ o.x }}", &[("o", "{}")]), "line 1: undefined value");
    }

    #[test]
    fn a_template_ends_at_its_limit_of_instructions() {
        let template = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
        assert_eq!(problem(template, &[]), "line 1: it takes more than 1000000 instructions");
    }

    #[test]
    fn a_mistake_in_a_template_has_its_line() {
        let error = Template::parse("a\n{{ b").unwrap_err();
        assert!(error.starts_with("is not a template: line 2: "), "{error}");
    }
}
