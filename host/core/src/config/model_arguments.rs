//! Models that arguments describe, for steps without a pipeline file.

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::location::ConfigLocation;
use super::model;
use super::overrides::{MODEL_FORM, divided};
use super::parse_context::shortened;
use crate::model::ModelSettings;

/// Reads models from arguments `MODEL.KEY=VALUE`, as `--set-model` gives them. The name of each model is also the part that it plays in
/// steps: `default` for the only model of a step.
///
/// # Errors
/// All problems: another form, an unknown key, an invalid value, or a model without `url` or `model`.
pub fn models_from_arguments(arguments: &[String]) -> Result<BTreeMap<String, ModelSettings>, Diagnostics> {
    let mut diagnostics = Vec::new();
    let mut by_name: BTreeMap<String, Vec<ModelArgument<'_>>> = BTreeMap::new();
    for argument in arguments {
        let location = ConfigLocation::Argument(format!("--set-model {}", shortened(argument)).into());
        let malformed = |wrong: &str| Diagnostic::new(location.clone(), wrong).help(MODEL_FORM);
        match divided(argument, "model", malformed) {
            Ok(["", ..]) => diagnostics.push(malformed("the name of the model is empty")),
            Ok([name, key, value]) => {
                by_name.entry(name.to_owned()).or_default().push(ModelArgument { key, value, location });
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    let mut models = BTreeMap::new();
    for (name, arguments) in by_name {
        match read(&name, arguments) {
            Ok(settings) => drop(models.insert(name, settings)),
            Err(problems) => diagnostics.extend(problems),
        }
    }
    if diagnostics.is_empty() { Ok(models) } else { Err(Diagnostics::new("", "".into(), diagnostics)) }
}

/// One key of a model.
struct ModelArgument<'a> {
    key: &'a str,
    value: &'a str,
    location: ConfigLocation,
}

/// Reads the arguments of one model.
fn read(name: &str, mut arguments: Vec<ModelArgument<'_>>) -> Result<ModelSettings, Vec<Diagnostic>> {
    // The other keys are checked together with the URL.
    arguments.sort_by_key(|argument| argument.key != "url");
    let mut settings = ModelSettings::new(name, "", "");
    let missing = |key: &str, example: &str| {
        let is_missing = arguments.iter().all(|argument| argument.key != key);
        let location = arguments.first().filter(|_| is_missing)?.location.clone();
        let message = format!("model \"{}\" has no `{key}`", shortened(name));
        Some(Diagnostic::new(location, message).help(format!("add `--set-model {}.{key}={example}`", shortened(name))))
    };
    let mut problems: Vec<Diagnostic> =
        [missing("url", "http://localhost:8000/v1"), missing("model", "NAME")].into_iter().flatten().collect();
    if arguments.first().is_some_and(|argument| argument.key == "url") {
        for argument in &arguments {
            problems.extend(model::set(&mut settings, argument.key, argument.value, &argument.location).err());
        }
    }
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<BTreeMap<String, ModelSettings>, Diagnostics> {
        models_from_arguments(&arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn arguments_describe_models_in_any_order() {
        let models = read(&[
            "default.model=small",
            "judge.url=http://localhost:1/v1",
            "default.concurrency=4",
            "judge.model=large",
            "default.url=http://localhost:2/v1",
            "judge.key=API_KEY",
        ])
        .unwrap();
        let default = &models["default"];
        assert_eq!((&*default.url, &*default.model, default.concurrency), ("http://localhost:2/v1", "small", 4));
        assert_eq!(models["judge"].key.as_deref(), Some("API_KEY"));
        assert_eq!(read(&[]).unwrap(), BTreeMap::new());
    }

    #[test]
    fn problems_of_all_arguments_are_reported() {
        let problems =
            read(&["default", ".url=a", "a.model=b", "b.url=nothing", "c.url=http://a.example", "c.colour=1"]);
        let problems = problems.unwrap_err();
        let messages: Vec<_> = problems.list.iter().map(|problem| problem.message.as_str()).collect();
        insta::assert_snapshot!(messages.join("\n"), @r#"
        there is no `=` in it
        the name of the model is empty
        model "a" has no `url`
        model "b" has no `model`
        the model cannot be used: `url` is not a URL
        model "c" has no `model`
        a model has no setting `colour`
        "#);
    }
}
