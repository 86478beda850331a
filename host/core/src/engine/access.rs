//! The grants of a step, ready for its instances: values read, folders checked, a client for its requests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use wasmtime_wasi::WasiCtxBuilder;

use super::folders::{GrantedFolder, StagedFolders};
use super::quota::WriteQuota;
use crate::grants::{DirGrant, EnvValue, GrantError, Grants, Recorder, Redactor, Secret};
use crate::http::{Client, Network, ResponseStore};
use crate::model::{ModelSettings, RecordedAnswers, StepModels};
use crate::model_client::{Journal, ModelClient, ModelContext, ModelSource};
use crate::units::format_size;

/// What the instances of one step may reach. Lives as long as the step.
#[derive(Default)]
pub(crate) struct Access {
    env: Vec<(String, String)>,
    folders: Vec<GrantedFolder>,
    /// `None` if the step may not write.
    quota: Option<Arc<WriteQuota>>,
    http: Option<Arc<Client>>,
    models: Vec<Arc<ModelSource>>,
    /// Recorded answers, for every part that a model could play.
    recorded: Option<RecordedAnswers>,
    redactor: Redactor,
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("http", &self.http).finish_non_exhaustive()
    }
}

/// Inputs for preparing grants, next to the grants.
pub(crate) struct AccessContext<'a> {
    /// The secrets of the pipeline, by name.
    pub(crate) secrets: &'a BTreeMap<String, Secret>,
    pub(crate) network: &'a Arc<Network>,
    /// Without it, there are no folders to write to.
    pub(crate) staged: Option<&'a StagedFolders>,
    /// Collects the requests that are sent.
    pub(crate) recorder: Option<&'a Recorder>,
    /// Responses of earlier calls and runs, for a step with `cache = "responses"`.
    pub(crate) store: Option<&'a Arc<dyn ResponseStore>>,
    /// The models of the step.
    pub(crate) models: Vec<ModelSource>,
}

impl Access {
    /// Prepares grants.
    ///
    /// # Errors
    /// A variable or a secret is missing, or a folder cannot be opened.
    pub(crate) fn new(grants: &Grants, context: AccessContext<'_>) -> Result<Self, GrantError> {
        let AccessContext { secrets, network, staged, recorder, store, models } = context;
        let variable = |name: &str| std::env::var(name).map_err(|_| GrantError::NotSet(name.to_owned()));
        let env = grants.env.iter().map(|grant| {
            let value = match &grant.value {
                EnvValue::Literal(text) => text.clone(),
                EnvValue::Host(name) => variable(name)?,
            };
            Ok((grant.name.clone(), value))
        });
        let env = env.collect::<Result<_, _>>()?;
        let mut folders = Vec::with_capacity(grants.dirs.len());
        for dir in &grants.dirs {
            match staged {
                _ if !dir.is_writable() => folders.push(GrantedFolder::read(dir)?),
                Some(staged) => folders.push(GrantedFolder::write(dir, &staged.create(dir)?)),
                None => {}
            }
        }
        let writable = || grants.dirs.iter().filter(|dir| dir.is_writable());
        let bytes = writable().map(DirGrant::byte_limit).fold(0, u64::saturating_add);
        let quota = writable().next().map(|_| Arc::new(WriteQuota::new(bytes)));
        // All secrets of the pipeline: a server that one step reaches may return the secret of another.
        let redactor = Redactor::new(secrets.values());
        let client = || Client::new(Arc::clone(network), grants, secrets, redactor.clone(), recorder, store);
        let has_http = !(grants.http.is_empty() && grants.recorded.is_empty());
        let http = has_http.then(client).transpose().map_err(GrantError::NoSecret)?;
        let models = models.into_iter().map(Arc::new).collect();
        Ok(Self { env, folders, quota, http: http.map(Arc::new), models, recorded: None, redactor })
    }

    /// Prepares the grants of a step that is not part of a pipeline.
    ///
    /// # Errors
    /// A variable or a secret is missing, or a folder is to be written to, which has no end of a run to be moved at.
    pub(crate) fn standalone(
        grants: &Grants,
        models: &StepModels,
        network: &Arc<Network>,
        recorder: Option<&Recorder>,
    ) -> Result<Self, GrantError> {
        if let Some(dir) = grants.dirs.iter().find(|dir| dir.is_writable()) {
            return Err(GrantError::NoRun(dir.path().to_owned()));
        }
        let read = |(name, source): (&String, _)| {
            let secret = Secret::read(source).map_err(|source| GrantError::Secret { name: name.clone(), source })?;
            Ok((name.clone(), secret))
        };
        let secrets = grants.secrets.iter().map(read).collect::<Result<_, _>>()?;
        let answers = models.recorded.clone();
        let models = if answers.is_some() { Vec::new() } else { standalone_models(models, &secrets, network)? };
        let context = AccessContext { secrets: &secrets, network, staged: None, recorder, store: None, models };
        Ok(Self { recorded: answers, ..Self::new(grants, context)? })
    }

    /// The variables of the environment.
    pub(crate) fn env(&self) -> &[(String, String)] {
        &self.env
    }

    /// Returns whether any folder is granted.
    pub(super) fn has_folders(&self) -> bool {
        !self.folders.is_empty()
    }

    /// Adds the folders to those that an instance sees.
    pub(super) fn open_folders(&self, context: &mut WasiCtxBuilder) {
        self.folders.iter().for_each(|folder| folder.open(context));
    }

    /// The bytes that the step may still write, if it may write.
    pub(super) fn quota(&self) -> Option<&Arc<WriteQuota>> {
        self.quota.as_ref()
    }

    /// Returns a hint if the step has tried to write more than it may.
    pub(super) fn used_up(&self) -> Option<String> {
        let quota = self.quota.as_ref().filter(|quota| quota.is_exceeded())?;
        Some(format!("the step may write {}, the limit `bytes` of its folders", format_size(quota.limit())))
    }

    /// The client for requests. `None` if none is granted.
    pub(super) fn http(&self) -> Option<&Arc<Client>> {
        self.http.as_ref()
    }

    /// Returns the model that plays this part in the step.
    pub(super) fn model(&self, role: &str) -> Option<Arc<ModelSource>> {
        let recorded = || self.recorded.as_ref().map(|recorded| Arc::new(ModelSource::recorded(role, recorded)));
        self.models.iter().find(|model| model.role() == role).cloned().or_else(recorded)
    }

    /// Removes the secrets from texts about the step.
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.redactor
    }
}

/// Prepares the models of a step that is not part of a pipeline.
fn standalone_models(
    models: &StepModels,
    secrets: &BTreeMap<String, Secret>,
    network: &Arc<Network>,
) -> Result<Vec<ModelSource>, GrantError> {
    let context = ModelContext { network, secrets, journal: &Journal::default() };
    let source = |(role, settings): (&String, &ModelSettings)| {
        let client = ModelClient::new(settings, &context);
        let client = client.map_err(|problem| GrantError::Model { name: settings.name.clone(), problem })?;
        Ok(ModelSource::model(role, &"".into(), &Arc::new(client)).recorder(models.recorder.clone()))
    };
    models.models.iter().map(source).collect()
}
