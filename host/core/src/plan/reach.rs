//! Settings of a step that depend on what it reaches: its cache, its grants and its models.

use crate::component::Component;
use crate::config::instance::{CacheMode, InstanceLife};
use crate::config::{Config, Diagnostic, StepTable};
use crate::grants::Grants;

/// Returns what of a step is cached. The results of a step with a model depend on its answers, so these are cached instead.
pub(super) fn cache_mode(table: &StepTable) -> CacheMode {
    match table.cache.as_ref().map_or(CacheMode::Off, |cache| cache.value) {
        CacheMode::On if !table.models.is_empty() => CacheMode::Responses,
        mode => mode,
    }
}

/// Reports a step that imports models and has none, and one that has a model and does not import any.
pub(super) fn check_models(
    config: &Config,
    table: &StepTable,
    component: &Component,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let name = &table.name.value;
    match (component.asks_models(), table.models.first()) {
        (true, None) if config.is_untrusted => {
            let message =
                format!("step \"{name}\" asks a model, and `--untrusted` takes models and grants away from all steps");
            let help = "run it without `--untrusted` if its pipeline file is to be trusted";
            diagnostics.push(Diagnostic::new(table.location.clone(), message).help(help));
        }
        (true, None) => {
            let message = format!("step \"{name}\" asks a model and has none");
            let help = "add `model = \"NAME\"` with the name of a [[model]]; for `stillbox pipe`, \
                        `--set-model default.url=URL --set-model default.model=NAME`";
            diagnostics.push(Diagnostic::new(table.location.clone(), message).help(help));
        }
        (false, Some((_, model))) => {
            let message = format!("step \"{name}\" has a model and asks none");
            let help = "remove the setting; the component does not import models";
            diagnostics.push(Diagnostic::new(model.location.clone(), message).help(help));
        }
        _ => {}
    }
}

/// Reports `cache = true` for a step whose results depend on more than their input.
pub(super) fn check_cache(table: &StepTable, diagnostics: &mut Vec<Diagnostic>) {
    let cache = table.cache.as_ref().filter(|cache| cache.value == CacheMode::On);
    let is_worker = table.instance.as_ref().is_some_and(|instance| instance.value == InstanceLife::Worker);
    if let Some(cache) = cache.filter(|_| is_worker) {
        let message = format!("step \"{}\" has `cache = true` and `instance = \"worker\"`", table.name.value);
        let diagnostic = Diagnostic::new(cache.location.clone(), message);
        diagnostics.push(diagnostic.help(
            "the result for a batch may depend on the batches before it, so it cannot be cached; remove one of the two settings",
        ));
    }
}

/// Reports `cache = true` for a step whose results depend on what it reaches outside, and `cache = "responses"` for one without
/// requests.
pub(super) fn check_grants(table: &StepTable, grants: &Grants, diagnostics: &mut Vec<Diagnostic>) {
    let responses = table.cache.as_ref().filter(|cache| cache.value == CacheMode::Responses);
    if let Some(cache) = responses.filter(|_| grants.http.is_empty() && table.models.is_empty()) {
        let message =
            format!("step \"{}\" has `cache = \"responses\"` and is granted no requests by HTTP", table.name.value);
        let diagnostic = Diagnostic::new(cache.location.clone(), message);
        diagnostics.push(diagnostic.help("remove `cache`, or add a grant under [[step.allow.http]]"));
    }
    let Some(cache) = table.cache.as_ref().filter(|cache| cache.value == CacheMode::On) else { return };
    let reached = match (grants.http.is_empty(), grants.dirs.is_empty()) {
        (true, true) => return,
        (false, _) => "requests by HTTP",
        (true, false) => "a folder",
    };
    let message = format!("step \"{}\" has `cache = true` and is granted {reached}", table.name.value);
    let diagnostic = Diagnostic::new(cache.location.clone(), message);
    diagnostics.push(diagnostic.help(if grants.http.is_empty() {
        "its result for a batch may differ from run to run, so it cannot be cached; remove `cache`, or cache the steps after it"
    } else {
        "its result for a batch may differ from run to run, so it cannot be cached; write `cache = \"responses\"` to use the responses of \
         earlier runs, or cache the steps after it"
    }));
}
