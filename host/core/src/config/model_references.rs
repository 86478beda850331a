//! The names of models in steps, and of secrets in models.

use super::diagnostic::Diagnostic;
use super::location::Located;
use super::parse_context::{ParseContext, shortened};
use super::suggestion::nearest;
use super::table::list;
use super::{SecretsTable, StepTable};
use crate::model::ModelSettings;

/// Reports models that steps use and that the file does not have, and secrets that models use and that it does not have.
pub(super) fn check(
    steps: &[StepTable],
    models: &[Located<ModelSettings>],
    secrets: &SecretsTable,
    context: &mut ParseContext<'_>,
) {
    for (index, model) in models.iter().enumerate() {
        if models[..index].iter().any(|other| other.name == model.name) {
            let message = format!("two models have the name \"{}\"", shortened(&model.name));
            context.push(Diagnostic::new(model.location.clone(), message).help("every model needs a name of its own"));
        }
        if let Some(key) = model.key.as_ref().filter(|key| !secrets.iter().any(|(own, _)| own == *key)) {
            let message = format!("there is no secret \"{}\" in [secrets]", shortened(key));
            let help = format!("add [secrets] with a line such as `{} = {{ env = \"API_KEY\" }}`", shortened(key));
            context.push(Diagnostic::new(model.location.clone(), message).help(help));
        }
    }
    for (_, name) in steps.iter().flat_map(|step| &step.models) {
        if models.iter().any(|model| model.name == name.value) {
            continue;
        }
        let message = format!("there is no model \"{}\"", shortened(name));
        let mut diagnostic = Diagnostic::new(name.location.clone(), message);
        let names = || models.iter().map(|model| model.name.as_str());
        if let Some(meant) = nearest(name, names()) {
            diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
        }
        context.push(if models.is_empty() {
            diagnostic.help("add a [[model]] with `name`, `url` and `model`")
        } else {
            diagnostic.help(format!("the models are {}", list(names(), "and")))
        });
    }
}
