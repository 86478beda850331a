//! The models of `--set-model`, as tables of the pipeline file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use stillbox::model::ModelSettings;
use toml::Value;

use super::values::{parse, quoted_key};

/// Returns `[secrets]` and `[[model]]` for arguments that have been read as these models.
pub(super) fn tables(arguments: &[String], models: &BTreeMap<String, ModelSettings>) -> String {
    let mut text = String::new();
    let mut keys: Vec<&String> = models.values().filter_map(|model| model.key.as_ref()).collect();
    keys.sort();
    keys.dedup();
    if !keys.is_empty() {
        text.push_str("[secrets]\n");
    }
    for key in &keys {
        let _ = writeln!(text, "{} = {{ env = {} }}", quoted_key(key), Value::String((*key).clone()));
    }
    for name in models.keys() {
        let _ = writeln!(text, "\n[[model]]\nname = {}", Value::String(name.clone()));
        let mut settings = BTreeMap::new();
        for argument in arguments {
            let Some((target, value)) = argument.split_once('=') else { continue };
            if let Some((own, key)) = target.split_once('.')
                && own == name
            {
                let is_text = matches!(key, "url" | "model" | "key");
                // The last one counts, as on the command line of `run`.
                settings.insert(key, if is_text { Value::String(unquoted(value)) } else { parse(value) });
            }
        }
        for (key, value) in settings {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    if !models.is_empty() {
        text.push('\n');
    }
    text
}

/// Returns the line that gives a step all models.
pub(super) fn for_step(models: &BTreeMap<String, ModelSettings>) -> String {
    if models.len() == 1 && models.contains_key("default") {
        return "model = \"default\"\n".to_owned();
    }
    let parts = models.keys().map(|name| format!("{} = {}", quoted_key(name), Value::String(name.clone())));
    format!("models = {{ {} }}\n", parts.collect::<Vec<_>>().join(", "))
}

/// Returns the text of a TOML string, and any other text as it is.
fn unquoted(value: &str) -> String {
    match parse(value) {
        Value::String(text) => text,
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use stillbox::config::models_from_arguments;

    use super::*;

    #[test]
    fn models_become_tables() {
        let arguments = [
            "default.model=4",
            "default.url=http://localhost:1/v1",
            "default.time=30s",
            "judge.url='http://localhost:2/v1'",
            "judge.model=large",
            "judge.key=API_KEY",
            "default.retries=1",
            "default.retries=2",
        ];
        let arguments = arguments.map(str::to_owned);
        let models = models_from_arguments(&arguments).expect("the arguments are valid");
        insta::assert_snapshot!(tables(&arguments, &models) + &for_step(&models), @r#"
        [secrets]
        API_KEY = { env = "API_KEY" }

        [[model]]
        name = "default"
        model = "4"
        retries = 2
        time = "30s"
        url = "http://localhost:1/v1"

        [[model]]
        name = "judge"
        key = "API_KEY"
        model = "large"
        url = "http://localhost:2/v1"

        models = { default = "default", judge = "judge" }
        "#);
    }
}
