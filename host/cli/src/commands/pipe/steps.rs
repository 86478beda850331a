//! Converts the arguments of `stillbox pipe` to a pipeline file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use stillbox::grants::EnvValue;
use stillbox::model::ModelSettings;
use stillbox::reference::Reference;
use toml::{Table, Value};

use super::models;
use super::values::{parse, quoted_key};
use crate::args::{Allow, InputFormat, OutputFormat, Pipe};

/// The number of hexadecimal digits of a digest.
const DIGEST_DIGITS: usize = 64;

/// The origin of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PipeRows {
    /// Rows are read from the input.
    Read,
    /// The first step creates the rows.
    Made,
}

/// The models of the steps.
#[derive(Debug, Default)]
pub(super) struct PipeModels {
    /// By the part that each plays.
    pub(super) models: BTreeMap<String, ModelSettings>,
    /// The indices of the steps that ask models.
    pub(super) asking: Vec<usize>,
}

/// Returns the components of the steps.
pub(super) fn components(arguments: &Pipe) -> impl Iterator<Item = &str> {
    arguments.steps.iter().map(|step| split(step, |path| Path::new(path).exists()).0)
}

/// Returns the text of the pipeline file.
///
/// # Errors
/// The parameters of a step are invalid. The error is a sentence that names the problem.
pub(super) fn pipeline(arguments: &Pipe, rows: PipeRows, models: &PipeModels) -> Result<String, String> {
    let mut text = String::from("[pipeline]\nname = \"pipe\"\n\n");
    text += &models::tables(&arguments.set_model, &models.models);
    if rows == PipeRows::Read {
        let format = arguments.input_format.map(InputFormat::name);
        text += &file("source", ("--input", arguments.input.as_deref()), format)?;
        for (key, value) in source_settings(&arguments.source)? {
            let _ = writeln!(text, "{} = {value}", quoted_key(&key));
        }
        text.push('\n');
    }
    let mut names = Vec::new();
    for (index, step) in arguments.steps.iter().enumerate() {
        let (component, parameters) = split(step, |path| Path::new(path).exists());
        let parameters = parameters.map(table).transpose().map_err(|wrong| format!("`{step}`: {wrong}"))?;
        let name = name(component, &mut names);
        let component = Value::String(component.to_owned());
        let _ = writeln!(text, "[[step]]\nname = \"{name}\"\ncomponent = {component}");
        if let Some(parameters) = parameters.filter(|parameters| !parameters.is_empty()) {
            let _ = writeln!(text, "parameters = {}", Value::Table(parameters));
        }
        if models.asking.contains(&index) {
            text += &models::for_step(&models.models);
        }
        text.push_str(&grants(&arguments.allow)?);
        text.push('\n');
    }
    let format = arguments.output_format.map(OutputFormat::name);
    text += &file("sink", ("--output", arguments.output.as_deref()), format)?;
    if let Some(rejects) = &arguments.rejects {
        let _ = writeln!(text, "\n[rejects]\npath = {}", path("--rejects", rejects)?);
    }
    Ok(text)
}

/// Returns the table of a source or sink. Without a format the extension of the path determines it; standard input and
/// output have JSON Lines.
fn file(table: &str, (option, written): (&str, Option<&Path>), format: Option<&str>) -> Result<String, String> {
    let standard = Path::new("-");
    let written = written.unwrap_or(standard);
    let format = format.or_else(|| (written == standard).then_some("jsonl"));
    let format = format.map_or_else(String::new, |format| format!("format = \"{format}\"\n"));
    Ok(format!("[[{table}]]\npath = {}\n{format}", path(option, written)?))
}

/// Returns a path in TOML. Relative paths in the generated file start from the current folder, as those of arguments do.
fn path(option: &str, written: &Path) -> Result<Value, String> {
    let text = written.to_str().ok_or_else(|| format!("the path of `{option}` is not UTF-8"))?;
    Ok(Value::String(text.to_owned()))
}

/// Returns the lines that grant a step what the options grant all steps.
fn grants(allow: &Allow) -> Result<String, String> {
    let mut text = String::new();
    for grant in &allow.allow_http {
        let methods: Vec<Value> = grant.method_names().iter().map(|name| Value::String(name.clone())).collect();
        let (url, methods) = (Value::String(grant.url()), Value::Array(methods));
        let _ = writeln!(text, "[[step.allow.http]]\nurl = {url}\nmethods = {methods}");
    }
    let read = allow.allow_dir.iter().map(|path| (path, ""));
    for (path, write) in read.chain(allow.allow_write.iter().map(|path| (path, "write = true\n"))) {
        let option = if write.is_empty() { "--allow-dir" } else { "--allow-write" };
        let _ = write!(text, "[[step.allow.dir]]\npath = {}\n{write}", self::path(option, path)?);
    }
    if !allow.allow_env.is_empty() {
        text.push_str("[step.allow.env]\n");
    }
    for grant in &allow.allow_env {
        let value = match &grant.value {
            EnvValue::Host(name) => format!("{{ env = {} }}", Value::String(name.clone())),
            EnvValue::Literal(value) => Value::String(value.clone()).to_string(),
            _ => continue,
        };
        let _ = writeln!(text, "{} = {value}", quoted_key(&grant.name));
    }
    Ok(text)
}

/// Parses the settings of the source.
fn source_settings(written: &[String]) -> Result<Table, String> {
    let mut settings = Table::new();
    for setting in written {
        let (key, value) = setting.split_once('=').ok_or_else(|| {
            format!("`{setting}` is not a setting of the source: write KEY=VALUE, such as `on-bad-row=reject`")
        })?;
        let key = key.trim();
        if matches!(key, "path" | "format") {
            return Err(format!("`{key}` is set by `--input` and `--input-format`"));
        }
        set(&mut settings, key, parse(value))?;
    }
    Ok(settings)
}

/// Splits an argument into a step's component and its parameters. A path may contain a colon, so the shortest existing
/// path is the component; if no path exists, the first colon separates the two.
fn split(step: &str, exists: impl Fn(&str) -> bool) -> (&str, Option<&str>) {
    if exists(step) {
        return (step, None);
    }
    if Reference::is_meant(step) {
        return split_reference(step);
    }
    let mut colons = step.match_indices(':').map(|(at, _)| at);
    let at = colons.clone().find(|at| exists(&step[..*at])).or_else(|| colons.next());
    at.map_or((step, None), |at| (&step[..at], Some(&step[at + 1..])))
}

/// Splits a reference and parameters. A reference has colons of its own, so it ends with its digest, or with the argument.
fn split_reference(step: &str) -> (&str, Option<&str>) {
    let ends = ["@sha256:", "#sha256="].into_iter().filter_map(|mark| Some(step.find(mark)? + mark.len()));
    let end = ends.map(|start| start + DIGEST_DIGITS).find(|end| step.is_char_boundary(*end) && *end < step.len());
    match end.map(|end| (&step[..end], &step[end..])) {
        Some((reference, rest)) if rest.starts_with(':') => (reference, Some(&rest[1..])),
        _ => (step, None),
    }
}

/// Parses parameters: a JSON object, or `key=value,key=value`.
fn table(written: &str) -> Result<Table, String> {
    if written.trim_start().starts_with('{') {
        let json: serde_json::Value =
            serde_json::from_str(written).map_err(|error| format!("the parameters are not a JSON object: {error}"))?;
        return Table::try_from(json).map_err(|_| {
            "a parameter has a value that a pipeline file cannot represent, such as null; leave it out".to_owned()
        });
    }
    let mut table = Table::new();
    for pair in pairs(written) {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(format!(
                "`{pair}` is not a parameter: write KEY=VALUE, with commas between them, or all as a JSON object"
            ));
        };
        set(&mut table, key.trim(), parse(value))?;
    }
    Ok(table)
}

/// Sets a parameter; dots lead into tables.
fn set(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    if first.is_empty() {
        return Err(format!("`{key}` is not a name of a parameter"));
    }
    match rest {
        None => {
            if table.insert(first.to_owned(), value).is_some() {
                return Err(format!("the parameter `{key}` is given twice"));
            }
            Ok(())
        }
        Some(rest) => match table.entry(first.to_owned()).or_insert_with(|| Value::Table(Table::new())) {
            Value::Table(inner) => set(inner, rest, value),
            _ => Err(format!("the parameter `{first}` is given twice")),
        },
    }
}

/// Splits a text at the commas outside quotation marks and brackets.
fn pairs(written: &str) -> Vec<&str> {
    let mut pairs = Vec::new();
    let (mut start, mut depth, mut quote, mut escaped) = (0, 0_usize, None, false);
    for (at, c) in written.char_indices() {
        if let Some(open) = quote {
            if c == open && !escaped {
                quote = None;
            }
            // In TOML only texts in double quotation marks have escapes.
            escaped = !escaped && c == '\\' && open == '"';
            continue;
        }
        match c {
            // An apostrophe within a word is not a quotation mark.
            '"' | '\'' if written[..at].ends_with(['=', ',', '[', '{', ' ']) => quote = Some(c),
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                pairs.push(&written[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pairs.push(&written[start..]);
    pairs
}

/// Returns a unique name for a step: that of its folder or file, with invalid characters replaced.
fn name(component: &str, names: &mut Vec<String>) -> String {
    let path = Path::new(component);
    let path = dunce::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let reference = Reference::parse(component).ok();
    let stem = reference.as_ref().map(|reference| reference.short_name().into());
    let stem = stem.unwrap_or_else(|| path.file_stem().unwrap_or_default().to_string_lossy());
    let plain: String =
        stem.chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    let plain = plain.trim_start_matches(['-', '_']);
    let plain: String = if plain.is_empty() { "step" } else { plain }.chars().take(60).collect();
    let mut name = plain.clone();
    let mut number = 1;
    while names.contains(&name) {
        number += 1;
        name = format!("{plain}-{number}");
    }
    names.push(name.clone());
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colon_after_an_existing_path_counts() {
        let exists = |path: &str| path == "a:b" || path == "c";
        assert_eq!(split("a:b", exists), ("a:b", None));
        assert_eq!(split("a:b:x=1", exists), ("a:b", Some("x=1")));
        assert_eq!(split("c:x=a:b", exists), ("c", Some("x=a:b")));
        assert_eq!(split("nowhere:x=1", exists), ("nowhere", Some("x=1")));
        assert_eq!(split("nowhere", exists), ("nowhere", None));
        let pinned = format!("oci://ghcr.io:443/a:1@sha256:{}", "0".repeat(64));
        assert_eq!(split(&format!("{pinned}:x=a:b"), exists), (&*pinned, Some("x=a:b")));
        assert_eq!(split(&pinned, exists), (&*pinned, None));
        for other in ["oci://ghcr.io/a:1", "oci://ghcr.io/a@sha256:00:x=1"] {
            assert_eq!(split(other, exists), (other, None));
        }
    }

    fn json(written: &str) -> Result<String, String> {
        table(written).map(|table| serde_json::to_string(&table).expect("it has a form in JSON"))
    }

    #[test]
    fn parameters_are_written_in_two_ways() {
        assert_eq!(json("column=text,min-words=5").as_deref(), Ok("{\"column\":\"text\",\"min-words\":5}"));
        assert_eq!(json("{\"column\": \"text\", \"n\": [1, 2]}").as_deref(), Ok("{\"column\":\"text\",\"n\":[1,2]}"));
        assert_eq!(json("a.b=true,a.c='x,y'").as_deref(), Ok("{\"a\":{\"b\":true,\"c\":\"x,y\"}}"));
        assert_eq!(json("l=[\"a\", \"b\"],s=\"5\"").as_deref(), Ok("{\"l\":[\"a\",\"b\"],\"s\":\"5\"}"));
        assert_eq!(json("s=it's, t=1").as_deref(), Ok("{\"s\":\"it's\",\"t\":1}"));
        assert_eq!(json(r#"a="x\"y,z",b=1"#).as_deref(), Ok(r#"{"a":"x\"y,z","b":1}"#));
        assert_eq!(json("pattern=a=b").as_deref(), Ok("{\"pattern\":\"a=b\"}"));
    }

    #[test]
    fn what_is_no_parameter_is_told() {
        assert!(json("min-words").is_err_and(|error| error.starts_with("`min-words` is not a parameter")));
        assert!(json("{\"a\"").is_err_and(|error| error.starts_with("the parameters are not a JSON object")));
        assert!(json("{\"a\":null}").is_err());
        assert!(json("a=1,a=2").is_err_and(|error| error == "the parameter `a` is given twice"));
    }

    #[test]
    fn names_are_made_of_paths() {
        let mut names = Vec::new();
        assert_eq!(name("steps/count words.wasm", &mut names), "count-words");
        assert_eq!(name("steps/count words.wasm", &mut names), "count-words-2");
        assert!(!name("..", &mut Vec::new()).is_empty());
        assert_eq!(name("oci://ghcr.io/org/clean-text:1.2", &mut Vec::new()), "clean-text");
    }
}
