//! One model of a run, which all steps share.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use super::batch_queue::BatchQueue;
use super::budget::Spending;
use super::health::Health;
use super::journal::{Journal, JournalKey, OpenJournal, Stored};
use super::pace::ModelPace;
use crate::digest::digest_of_parts;
use crate::grants::{Grants, HttpUrl, Redactor, Secret};
use crate::http::{Caller, Client, Network, ResponseKey, ResponseStore};
use crate::model::{ModelFailure, ModelSettings, ModelUsage};

/// The services that the models of a run share.
pub(crate) struct ModelContext<'a> {
    pub(crate) network: &'a Arc<Network>,
    /// The secrets of the pipeline, by name.
    pub(crate) secrets: &'a BTreeMap<String, Secret>,
    pub(crate) journal: &'a Journal,
}

/// Sends the requests to one model.
pub(crate) struct ModelClient {
    pub(super) http: Client,
    pub(super) shared: Arc<SharedModel>,
}

/// The part of a client that the tasks of its requests share. It does not keep the network's thread running.
pub(super) struct SharedModel {
    pub(super) settings: ModelSettings,
    pub(super) caller: Caller,
    pub(super) places: Semaphore,
    /// Held by the request that asks whether the server answers.
    pub(super) probing: AsyncMutex<()>,
    pub(super) pace: ModelPace,
    pub(super) health: Health,
    pub(super) spending: Spending,
    pub(super) counts: Counts,
    /// Sends and receives the files of batches.
    pub(super) files: Caller,
    /// Requests that are deferred to a batch.
    pub(super) queue: BatchQueue,
    journal: Journal,
    /// Set when the tokens of earlier parts of the run are counted.
    is_counted: Once,
}

/// Counts of a run.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) stored_answers: AtomicU64,
    pub(super) rate_limited: Mutex<Duration>,
}

impl ModelClient {
    /// Creates the client of a model.
    ///
    /// # Errors
    /// The problem of the settings, or the name of a secret that is missing.
    pub(crate) fn new(settings: &ModelSettings, context: &ModelContext<'_>) -> Result<Self, String> {
        let mut grants = Grants::default();
        grants.add(settings.grant().map_err(|problem| problem.to_string())?);
        let redactor = Redactor::new(context.secrets.values());
        let client = |grants: &Grants| {
            let network = Arc::clone(context.network);
            Client::new(network, grants, context.secrets, redactor.clone(), None, None)
        };
        let http = client(&grants)?;
        let mut file_grants = Grants::default();
        file_grants.add(settings.batch_grant().map_err(|problem| problem.to_string())?);
        let files = client(&file_grants)?.caller();
        let shared = SharedModel {
            settings: settings.clone(),
            caller: http.caller(),
            places: Semaphore::new(settings.concurrency as usize),
            probing: AsyncMutex::new(()),
            pace: ModelPace::new(settings.requests_per_minute, settings.tokens_per_minute),
            health: Health::new(settings),
            spending: Spending::new(settings),
            counts: Counts::default(),
            files,
            queue: BatchQueue::default(),
            journal: context.journal.clone(),
            is_counted: Once::new(),
        };
        Ok(Self { http, shared: Arc::new(shared) })
    }

    /// Returns what the run used so far.
    pub(crate) fn usage(&self) -> ModelUsage {
        let SharedModel { settings, counts, spending, .. } = &*self.shared;
        let (input_tokens, output_tokens, cost) = spending.so_far();
        ModelUsage {
            name: settings.name.clone(),
            requests: counts.requests.load(Ordering::Relaxed),
            retries: counts.retries.load(Ordering::Relaxed),
            stored_answers: counts.stored_answers.load(Ordering::Relaxed),
            input_tokens,
            output_tokens,
            cost,
            rate_limit_seconds: counts.rate_limited.lock().as_secs_f64(),
        }
    }

    /// Returns whether requests are deferred to a batch.
    pub(crate) fn has_deferred(&self) -> bool {
        !self.shared.queue.is_empty()
    }

    /// Returns the model's settings.
    pub(crate) fn settings(&self) -> &ModelSettings {
        &self.shared.settings
    }
}

impl fmt::Debug for ModelClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelClient").field("name", &self.shared.settings.name).finish_non_exhaustive()
    }
}

impl SharedModel {
    pub(super) fn journal(&self) -> Result<&OpenJournal, ModelFailure> {
        let journal = self.journal.open()?;
        self.is_counted.call_once(|| {
            let (input, output) = journal.earlier_tokens(&self.settings.name);
            self.spending.add(input, output);
        });
        Ok(journal)
    }

    /// Returns the URL of an endpoint.
    pub(super) fn endpoint(&self, path: &str) -> Result<HttpUrl, ModelFailure> {
        self.settings.endpoint(path).map_err(|problem| ModelFailure {
            message: format!("the URL of model \"{}\" cannot be used", self.settings.name),
            causes: vec![format!("{} {problem}", self.settings.url)],
            hint: "check `url` of the model".into(),
        })
    }
}

/// Where the stored answer of one request is.
#[derive(Clone)]
pub(super) struct StoredPlace {
    pub(super) key: JournalKey,
    /// Set if answers are shared by runs.
    pub(super) shared: Option<(Arc<dyn ResponseStore>, ResponseKey)>,
}

/// Part of every key. The last digit changes with the content of the key, or of what is stored.
const DOMAIN: &[u8] = b"stillbox-answer-1";

impl StoredPlace {
    /// `scope` tells equal requests apart: by their step, their batch and their order in it. `occurrence` does so among runs.
    pub(super) fn new(
        (url, body): (&HttpUrl, &[u8]),
        (scope, occurrence): (&[u8], u32),
        store: Option<&Arc<dyn ResponseStore>>,
    ) -> Self {
        let digest = |scope: &[u8]| {
            digest_of_parts([DOMAIN, scope, &occurrence.to_le_bytes(), url.with_query().as_bytes(), body])
        };
        let shared = store.map(|store| (Arc::clone(store), ResponseKey(digest(b"all runs"))));
        Self { key: JournalKey(digest(scope)), shared }
    }

    /// Returns what is stored, in this run or an earlier one.
    pub(super) fn get(&self, model: &SharedModel) -> Result<Option<Stored>, ModelFailure> {
        let stored = model.journal()?.get(&self.key).or_else(|| {
            let (store, key) = self.shared.as_ref()?;
            serde_json::from_slice(&store.response(key)?).ok()
        });
        if stored.is_some() {
            model.counts.stored_answers.fetch_add(1, Ordering::Relaxed);
        }
        Ok(stored)
    }

    /// Stores what was received. It is queued at once, and on the disk when the future is ready.
    pub(super) fn put<'a>(
        &'a self,
        model: &'a SharedModel,
        stored: &'a Stored,
    ) -> impl Future<Output = Result<(), ModelFailure>> + Send + 'a {
        let written = model.journal().map(|journal| journal.put(self.key, &model.settings.name, stored));
        async move {
            written?.await.map_err(|error| {
                model.fail(ModelFailure {
                    message: format!("an answer of model \"{}\" cannot be stored", model.settings.name),
                    causes: vec![error.to_string()],
                    hint: "free space on the disk of the state directory, and continue with `--resume`".into(),
                })
            })?;
            if let Some((store, key)) = &self.shared
                && let Ok(bytes) = serde_json::to_vec(stored)
            {
                store.store_response(key, &bytes);
            }
            Ok(())
        }
    }
}
