//! The grants of the steps: compared with the policy, and made ready for instances.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::instance::CacheMode;
use crate::config::{Config, ConfigLocation, Diagnostic, Located, StepTable};
use crate::engine::{Access, AccessContext, StagedFolders};
use crate::grants::{EnvGrant, EnvValue, GrantError, GrantPlace, Grants, Policy, Redactor, Secret};
use crate::http::{Network, ResponseStore};
use crate::model_client::{Estimates, Journal, ModelClient, ModelContext, ModelSource};
use crate::text::causes;

/// What the grants of all steps depend on.
pub(super) struct GrantContext<'a> {
    /// The ceiling. `None` for no ceiling.
    pub(super) policy: Option<&'a Policy>,
    /// The folders in which steps write. `None` if nothing is to be written.
    pub(super) staged: Option<&'a StagedFolders>,
    /// The servers that resolve names. Empty for those of the system.
    pub(super) name_servers: &'a [SocketAddr],
    /// Responses of earlier runs, for steps that use them. `None` without a cache.
    pub(super) responses: Option<&'a Arc<dyn ResponseStore>>,
    /// The answers that the run has paid for.
    pub(super) journal: &'a Journal,
    /// Counts the requests to models, instead of sending them.
    pub(super) estimates: Option<&'a Arc<Estimates>>,
}

/// The grants of all steps, and the models that they share.
pub(super) struct PreparedGrants {
    /// In the order of the file.
    pub(super) steps: Vec<StepGrants>,
    /// In the order of the file. Those with problems are missing.
    pub(super) models: Vec<Arc<ModelClient>>,
    /// Removes all secrets of the pipeline, also those that no step uses.
    pub(super) redactor: Redactor,
}

/// The grants of one step.
pub(super) struct StepGrants {
    pub(super) grants: Arc<Grants>,
    /// `None` if nothing is granted.
    pub(super) access: Option<Arc<Access>>,
}

/// Prepares the grants of each step, in the order of the file. Reports grants beyond the policy, and values that are missing.
pub(super) fn prepare(
    config: &Config,
    context: &GrantContext<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> PreparedGrants {
    let secrets = read_secrets(config, diagnostics);
    // One for all steps; its thread starts with the first request.
    let network = Arc::new(Network::new(context.name_servers.to_vec()));
    let models = prepare_models(config, context, (&secrets, &network), diagnostics);
    let step = |step: &StepTable| {
        let mut grants = step.allow.grants();
        add_secrets(&mut grants, config);
        apply_policy(step, &mut grants, context.policy, diagnostics);
        // A missing secret has a diagnostic already.
        let is_complete = secrets.len() == config.secrets.len();
        let access = if (grants.is_empty() && step.models.is_empty()) || !is_complete {
            None
        } else {
            let cache = step.cache.as_ref().map_or(CacheMode::Off, |cache| cache.value);
            let uses_stored = cache == CacheMode::Responses;
            let access = AccessContext {
                secrets: &secrets,
                network: &network,
                staged: context.staged,
                recorder: None,
                store: context.responses.filter(|_| uses_stored),
                models: sources(step, &models, context, context.responses.filter(|_| cache != CacheMode::Off)),
            };
            match Access::new(&grants, access) {
                Ok(access) => Some(Arc::new(access)),
                Err(error) => {
                    let message = format!("the grants of step \"{}\" cannot be used", step.name.value);
                    let location = location_of_error(step, &error);
                    let diagnostic = Diagnostic::new(location, message).causes([error.to_string()]);
                    diagnostics.push(diagnostic.causes(causes(&error).map(ToString::to_string)));
                    None
                }
            }
        };
        StepGrants { grants: Arc::new(grants), access }
    };
    let steps = config.steps.iter().map(step).collect();
    PreparedGrants { steps, models, redactor: Redactor::new(secrets.values()) }
}

/// Prepares the models that steps use. Reports those that the policy does not permit.
fn prepare_models(
    config: &Config,
    context: &GrantContext<'_>,
    (secrets, network): (&BTreeMap<String, Secret>, &Arc<Network>),
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Arc<ModelClient>> {
    let mut models = Vec::new();
    for model in &config.models {
        if let (Some(policy), Ok(grant)) = (context.policy, model.grant()) {
            let mut grants = Grants::default();
            grants.add(grant);
            add_secrets(&mut grants, config);
            for violation in policy.apply(&mut grants) {
                let message = format!("the policy does not permit model \"{}\": {}", model.name, violation.reason);
                let help = "remove the model, or ask the operator to change the policy file";
                diagnostics.push(Diagnostic::new(model.location.clone(), message).help(help));
            }
        }
        if let Some(key) = model.key.as_ref().filter(|key| !secrets.contains_key(*key)) {
            // A secret of the file that cannot be read has a diagnostic already, and so has a name in the file. An override is not in it.
            if !config.secrets.iter().any(|(name, _)| name == key) {
                let message =
                    format!("the key of model \"{}\" is the secret {key:?}, which [secrets] does not have", model.name);
                let help = "name a secret of the pipeline file; a key is never written itself";
                diagnostics.push(Diagnostic::new(model.location.clone(), message).help(help));
            }
            continue;
        }
        match ModelClient::new(model, &ModelContext { network, secrets, journal: context.journal }) {
            Ok(client) => models.push(Arc::new(client)),
            Err(problem) => {
                let message = format!("model \"{}\" cannot be used: {problem}", model.name);
                diagnostics.push(Diagnostic::new(model.location.clone(), message));
            }
        }
    }
    models
}

/// Returns the models of a step.
fn sources(
    step: &StepTable,
    models: &[Arc<ModelClient>],
    context: &GrantContext<'_>,
    store: Option<&Arc<dyn ResponseStore>>,
) -> Vec<ModelSource> {
    let name: Arc<str> = step.name.value.as_str().into();
    let source = |(role, model): &(String, Located<String>)| {
        let client = models.iter().find(|client| client.settings().name == model.value)?;
        Some(match context.estimates {
            Some(estimates) => ModelSource::estimated(role, client, estimates),
            None => ModelSource::model(role, &name, client).store(store.cloned()),
        })
    };
    step.models.iter().filter_map(source).collect()
}

/// Adds the secrets that grants may name.
fn add_secrets(grants: &mut Grants, config: &Config) {
    grants.secrets.extend(config.secrets.iter().map(|(name, source)| (name.clone(), source.value.clone())));
}

fn read_secrets(config: &Config, diagnostics: &mut Vec<Diagnostic>) -> BTreeMap<String, Secret> {
    let mut secrets = BTreeMap::new();
    for (name, source) in &config.secrets {
        match Secret::read(source) {
            Ok(secret) => {
                secrets.insert(name.clone(), secret);
            }
            Err(error) => {
                let message = format!("the secret \"{name}\" cannot be used");
                let diagnostic = Diagnostic::new(source.location.clone(), message).causes([error.to_string()]);
                diagnostics.push(diagnostic.causes(causes(&error).map(ToString::to_string)));
            }
        }
    }
    secrets
}

fn apply_policy(step: &StepTable, grants: &mut Grants, policy: Option<&Policy>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(policy) = policy else { return };
    for violation in policy.apply(grants) {
        let location = match violation.place {
            GrantPlace::Http(index) => &step.allow.http[index].location,
            GrantPlace::Dir(index) => &step.allow.dirs[index].location,
            GrantPlace::Env(index) => &step.allow.env[index].location,
        };
        let message = format!("the policy does not permit step \"{}\" to {}", step.name.value, violation.grant);
        let diagnostic = Diagnostic::new(location.clone(), message).causes(&[violation.reason]);
        diagnostics.push(diagnostic.help("remove the grant, or ask the operator to change the policy file"));
    }
}

/// Returns the grant that an error is about.
fn location_of_error(step: &StepTable, error: &GrantError) -> ConfigLocation {
    let allow = &step.allow;
    let grant = match error {
        GrantError::NotSet(name) => {
            let is_it = |grant: &&Located<EnvGrant>| matches!(&grant.value.value, EnvValue::Host(host) if host == name);
            allow.env.iter().find(is_it).map(|grant| &grant.location)
        }
        GrantError::Dir { path, .. } | GrantError::NoRun(path) => {
            allow.dirs.iter().find(|grant| grant.path() == path).map(|grant| &grant.location)
        }
        GrantError::NoSecret(_) | GrantError::Secret { .. } | GrantError::Model { .. } => {
            allow.http.first().map(|grant| &grant.location)
        }
    };
    grant.unwrap_or(&step.location).clone()
}
