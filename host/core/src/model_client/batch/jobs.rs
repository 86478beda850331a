//! Jobs of a run: submitted, remembered and collected.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use serde::{Deserialize, Serialize};

use super::super::batch_queue::{EXTENSION, RequestFile, not_written};
use super::super::client::{ModelClient, SharedModel};
use super::super::tasks::no_thread;
use super::results::unreadable;
use super::service::ServerJob;
use crate::corrupt::RESTART_HINT;
use crate::http::AbortOnDrop;
use crate::model::{ModelFailure, WaitingBatch};
use crate::os;
use crate::private_dir::{TEMPORARY_PREFIX, not_followed};
use crate::units::grouped;

/// The jobs of a run, in files next to its journal.
pub(crate) struct BatchJobs {
    journal: PathBuf,
    models: Vec<Arc<ModelClient>>,
}

/// A request to servers for all jobs. It ends when this is dropped.
pub(crate) struct RunningBatches {
    _task: AbortOnDrop<()>,
    /// The jobs that have not ended, or why a job failed.
    pub(crate) result: Receiver<Result<Vec<WaitingBatch>, ModelFailure>>,
}

/// The state of a job, in a file next to its requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JobRecord {
    model: String,
    endpoint: String,
    requests: u64,
    /// In the job's metadata at the server.
    token: String,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    batch: Option<String>,
}

/// A record and its file.
struct Job {
    path: PathBuf,
    record: JobRecord,
}

impl BatchJobs {
    /// The jobs of a run whose journal is at this path.
    pub(crate) fn new(journal: &Path, models: &[Arc<ModelClient>]) -> Self {
        for model in models {
            model.shared.queue.keep_at(journal);
        }
        Self { journal: journal.to_owned(), models: models.to_vec() }
    }

    /// Removes the jobs of a run that is complete, or started again. Answers of jobs that were not collected are lost.
    pub(crate) fn remove(journal: &Path) {
        let files = files(journal).unwrap_or_else(|error| {
            tracing::warn!("{}: the batches of models cannot be removed: {error}", journal.display());
            Vec::new()
        });
        for job in jobs(&files).unwrap_or_default() {
            if let JobRecord { model, batch: Some(batch), .. } = job.record {
                tracing::warn!("the answers of batch {batch} of model \"{model}\" are not collected any more");
            }
        }
        if let Err(error) = remove_unrecorded(&files, &[]) {
            tracing::warn!("{}: the batches of models cannot be removed: {error}", journal.display());
        }
    }

    /// Starts to collect the results of jobs that have ended. Jobs whose submission was interrupted are submitted. Returns `None` if there
    /// are no jobs.
    ///
    /// # Errors
    /// A record cannot be read, or is that of a model which takes no batches.
    pub(crate) fn collect(&self) -> Result<Option<RunningBatches>, ModelFailure> {
        let files = files(&self.journal).map_err(|error| corrupt(&self.journal, &error.to_string()))?;
        let jobs = jobs(&files)?;
        remove_unrecorded(&files, &jobs).map_err(|error| not_written(&error))?;
        let jobs = jobs.into_iter().map(|job| Ok((self.model(&job)?, job)));
        let jobs = jobs.collect::<Result<Vec<_>, ModelFailure>>()?;
        self.start(jobs, |model, mut job| async move {
            match job.record.batch.clone() {
                None => Ok(Some(model.submit(&mut job).await?)),
                Some(batch) => model.collect(&job, &batch).await,
            }
        })
    }

    /// Starts to submit all requests that were deferred. Returns `None` if there are none.
    ///
    /// # Errors
    /// A record cannot be written.
    pub(crate) fn submit(&self) -> Result<Option<RunningBatches>, ModelFailure> {
        let mut jobs = Vec::new();
        for model in &self.models {
            for file in model.shared.queue.take() {
                let job = Job::create(&model.shared.settings.name, file).map_err(|error| not_written(&error))?;
                jobs.push((Arc::clone(&model.shared), job));
            }
        }
        self.start(jobs, |model, mut job| async move { Ok(Some(model.submit(&mut job).await?)) })
    }

    /// Starts the work on all jobs, one after the other.
    fn start<F>(
        &self,
        jobs: Vec<(Arc<SharedModel>, Job)>,
        work: impl Fn(Arc<SharedModel>, Job) -> F + Send + Sync + 'static,
    ) -> Result<Option<RunningBatches>, ModelFailure>
    where
        F: Future<Output = Result<Option<WaitingBatch>, ModelFailure>> + Send,
    {
        let Some(model) = self.models.first().filter(|_| !jobs.is_empty()) else { return Ok(None) };
        let (sender, result) = channel();
        let task = model.http.spawn(async move {
            let (mut waiting, mut failed) = (Vec::new(), None);
            for (model, job) in jobs {
                match work(model, job).await {
                    Ok(batch) => waiting.extend(batch),
                    Err(failure) => failed = failed.or(Some(failure)),
                }
            }
            // Without a receiver the run has ended.
            let _ = sender.send(failed.map_or(Ok(waiting), Err));
        });
        let task = task.map_err(|error| no_thread(&error))?;
        Ok(Some(RunningBatches { _task: task, result }))
    }

    fn model(&self, job: &Job) -> Result<Arc<SharedModel>, ModelFailure> {
        let found = self.models.iter().find(|model| model.shared.settings.name == job.record.model);
        let found = found.filter(|model| model.shared.settings.batch).ok_or_else(|| ModelFailure {
            message: format!("a batch of model \"{}\" is not collected yet", job.record.model),
            causes: job.record.batch.iter().cloned().collect(),
            hint: "set `batch = true` of the model again; `--restart` starts again without its answers, which are paid"
                .into(),
        })?;
        Ok(Arc::clone(&found.shared))
    }
}

impl SharedModel {
    /// Submits a job, from where an earlier process has left it.
    async fn submit(&self, job: &mut Job) -> Result<WaitingBatch, ModelFailure> {
        // No process can have submitted a job whose requests are not uploaded.
        let is_new = job.record.file.is_none();
        let file = if let Some(file) = job.record.file.clone() {
            file
        } else {
            let requests = job.requests();
            let content = fs::read(&requests).map_err(|error| unreadable(&requests, &error))?;
            let name = format!("stillbox-{}.jsonl", job.record.token);
            let file = self.upload(&name, &content).await?;
            job.record.file = Some(file.clone());
            job.save().map_err(|error| not_written(&error))?;
            file
        };
        let found = if is_new { None } else { self.find_job(&file).await? };
        let on_server = match found {
            Some(found) => found,
            None => match self.create_job(&file, &job.record.endpoint, &job.record.token).await {
                Ok(created) => created,
                // The server may have created it, and only the response be lost.
                Err(failure) => self.find_job(&file).await.ok().flatten().ok_or(failure)?,
            },
        };
        let ServerJob { id, status, .. } = on_server;
        job.record.batch = Some(id.clone());
        job.save().map_err(|error| not_written(&error))?;
        Ok(WaitingBatch::new(&self.settings.name, &id, job.record.requests, &status))
    }

    /// Stores the results of a job that has ended. Returns one that has not.
    async fn collect(&self, job: &Job, batch: &str) -> Result<Option<WaitingBatch>, ModelFailure> {
        let on_server = self.job_of(batch).await?;
        let name = &self.settings.name;
        match on_server.status.as_str() {
            "completed" | "expired" | "cancelled" => {
                let found = self.store_results(&job.requests(), &on_server).await?;
                job.remove();
                if on_server.status != "cancelled" {
                    return Ok(None);
                }
                let of_all = format!("{} of {}", grouped(found), grouped(job.record.requests));
                Err(ModelFailure {
                    message: format!("batch {batch} of model \"{name}\" was cancelled"),
                    causes: vec![format!("{of_all} requests have a result, which is stored")],
                    hint: "continue with `--resume` to send the other requests again".into(),
                })
            }
            "failed" => {
                job.remove();
                Err(ModelFailure {
                    message: format!("the server of model \"{name}\" does not accept batch {batch}"),
                    causes: on_server.errors(),
                    hint: "correct the cause, and continue with `--resume` to send its requests again".into(),
                })
            }
            status => Ok(Some(WaitingBatch::new(name, batch, job.record.requests, status))),
        }
    }
}

impl Job {
    /// Records the job of a file. From then on its requests do not change.
    fn create(model: &str, mut file: RequestFile) -> io::Result<Self> {
        file.finish()?;
        let record = JobRecord {
            model: model.to_owned(),
            endpoint: file.endpoint.clone(),
            requests: file.requests,
            token: format!("{:016x}", rand::random::<u64>()),
            file: None,
            batch: None,
        };
        let job = Self { path: file.path.with_extension("json"), record };
        job.save()?;
        Ok(job)
    }

    /// Returns the path of the requests.
    fn requests(&self) -> PathBuf {
        self.path.with_extension("jsonl")
    }

    /// Replaces the record. It is on the disk when this returns.
    fn save(&self) -> io::Result<()> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = self.path.with_file_name(format!("{TEMPORARY_PREFIX}{name}"));
        let mut file = not_followed().write(true).create(true).truncate(true).open(&temporary)?;
        serde_json::to_writer(&mut file, &self.record)?;
        file.flush()?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        self.path.parent().map_or(Ok(()), os::sync_folder)
    }

    /// Removes the record, and then the requests.
    fn remove(&self) {
        for path in [self.path.clone(), self.requests()] {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!("{}: a batch that is collected cannot be removed: {error}", path.display());
            }
        }
    }
}

/// Returns all recorded jobs, in the order of their submission.
fn jobs(files: &[PathBuf]) -> Result<Vec<Job>, ModelFailure> {
    let is_record =
        |path: &Path| path.extension().is_some_and(|ending| ending == "json") && !starts_with(path, TEMPORARY_PREFIX);
    let mut paths: Vec<PathBuf> = files.iter().filter(|path| is_record(path)).cloned().collect();
    paths.sort();
    let read = |path: PathBuf| {
        let file = not_followed().read(true).open(&path).map_err(|error| corrupt(&path, &error.to_string()))?;
        let record = serde_json::from_reader(file).map_err(|error| corrupt(&path, &error.to_string()))?;
        Ok(Job { path, record })
    };
    paths.into_iter().map(read).collect()
}

/// Returns the files of all jobs: requests, records, and records that were being written.
fn files(journal: &Path) -> io::Result<Vec<PathBuf>> {
    let name = journal.file_name().unwrap_or_default().to_string_lossy();
    let (own, temporary) = (format!("{name}.{EXTENSION}"), format!("{TEMPORARY_PREFIX}{name}.{EXTENSION}"));
    let entries = match fs::read_dir(journal.parent().unwrap_or(Path::new("."))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if starts_with(&path, &own) || starts_with(&path, &temporary) {
            files.push(path);
        }
    }
    Ok(files)
}

fn starts_with(path: &Path, prefix: &str) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
}

/// Removes requests of a run that ended before it recorded their job. Its rows ask for them again.
fn remove_unrecorded(files: &[PathBuf], jobs: &[Job]) -> io::Result<()> {
    for path in files {
        if !jobs.iter().any(|job| job.path == *path || job.requests() == *path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn corrupt(path: &Path, cause: &str) -> ModelFailure {
    ModelFailure {
        message: format!("the record of a batch cannot be read from {}", path.display()),
        causes: vec![cause.to_owned()],
        hint: RESTART_HINT.into(),
    }
}
