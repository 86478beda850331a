//! Where the answers of one step come from: a model, or the recorded answers of a case.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::batch::ModelEnd;
use super::client::{ModelClient, StoredPlace};
use super::embed::Embedded;
use super::estimate::Estimates;
use super::generate::{Answered, Placed};
use super::schema::{AnswerSchema, SCHEMA_BYTES};
use crate::http::ResponseStore;
use crate::instance_log::InstanceLog;
use crate::model::{
    Answer, AnswerError, AnswerErrorKind, AnswerRecorder, FinishReason, ModelRequest, ModelSettings, RecordedAnswer,
    RecordedAnswers,
};
use crate::monitor::CallMonitor;
use crate::units::grouped;

/// The answers for one part that a model plays in a step.
#[derive(Debug)]
pub(crate) struct ModelSource {
    pub(super) role: String,
    /// The step's name in the pipeline.
    step: Arc<str>,
    answers: AnswerSource,
    recorder: Option<AnswerRecorder>,
    /// Answers of all runs, for a step that uses them.
    store: Option<Arc<dyn ResponseStore>>,
}

#[derive(Debug)]
enum AnswerSource {
    Model(Arc<ModelClient>),
    Recorded(RecordedAnswers),
    /// Placeholders, whose requests are counted.
    Estimated(Arc<ModelClient>, Arc<Estimates>),
    /// Those of the log of the instance.
    Replayed,
}

/// The requests of one instance, by which equal requests are told apart.
#[derive(Debug, Default)]
pub(crate) struct ModelCall {
    batch: u64,
    occurrences: HashMap<Vec<u8>, u32>,
    /// Requests and texts so far.
    sent: u64,
    /// Records or replays the answers.
    pub(super) log: Option<InstanceLog>,
    /// The call of the step, if anything follows its requests.
    pub(super) followed: Option<CallMonitor>,
}

/// Requests and texts of one batch, or of all calls for it. Waiting does not count as time of the step, so this bounds what a step can
/// ask.
const MAX_REQUESTS: u64 = 1_000_000;

impl ModelCall {
    pub(crate) fn new(log: Option<InstanceLog>) -> Self {
        Self { log, ..Self::default() }
    }

    /// Sets the call whose requests these are.
    pub(crate) fn follow(&mut self, call: Option<&CallMonitor>) {
        self.followed = call.filter(|call| call.is_followed()).cloned();
    }

    /// Starts a batch.
    pub(crate) fn begin(&mut self, batch: u64) {
        *self = Self { batch, log: self.log.take(), ..Self::default() };
    }

    /// Counts requests.
    ///
    /// # Errors
    /// There are too many.
    fn count(&mut self, requests: usize) -> Result<(), AnswerError> {
        self.sent = self.sent.saturating_add(requests as u64);
        if self.sent <= MAX_REQUESTS {
            return Ok(());
        }
        let message = format!("the step has asked its models more than {} times for this batch", grouped(MAX_REQUESTS));
        Err(AnswerError::rejected(message).hint("this bound is the same for all steps; lower `batch-rows`"))
    }

    /// Returns how often the instance has sent this request before in this batch.
    fn occurrence(&mut self, role: &str, body: &[u8]) -> u32 {
        use sha2::{Digest as _, Sha256};
        let digest = Sha256::new().chain_update(role).chain_update([0]).chain_update(body).finalize();
        let count = self.occurrences.entry(digest.to_vec()).or_default();
        *count += 1;
        *count - 1
    }
}

impl ModelSource {
    /// The answers of a model.
    pub(crate) fn model(role: &str, step: &Arc<str>, model: &Arc<ModelClient>) -> Self {
        let answers = AnswerSource::Model(Arc::clone(model));
        Self { role: role.to_owned(), step: Arc::clone(step), answers, recorder: None, store: None }
    }

    /// Recorded answers.
    pub(crate) fn recorded(role: &str, answers: &RecordedAnswers) -> Self {
        let answers = AnswerSource::Recorded(answers.clone());
        Self { role: role.to_owned(), step: "".into(), answers, recorder: None, store: None }
    }

    /// Placeholders for the answers of a model.
    pub(crate) fn estimated(role: &str, model: &Arc<ModelClient>, estimates: &Arc<Estimates>) -> Self {
        let answers = AnswerSource::Estimated(Arc::clone(model), Arc::clone(estimates));
        Self { role: role.to_owned(), step: "".into(), answers, recorder: None, store: None }
    }

    /// The answers in the log of each instance.
    pub(crate) fn replayed(role: &str) -> Self {
        Self { role: role.to_owned(), step: "".into(), answers: AnswerSource::Replayed, recorder: None, store: None }
    }

    /// Collects the answers.
    #[must_use]
    pub(crate) fn recorder(mut self, recorder: Option<AnswerRecorder>) -> Self {
        self.recorder = recorder;
        self
    }

    /// Shares the answers with other runs.
    #[must_use]
    pub(crate) fn store(mut self, store: Option<Arc<dyn ResponseStore>>) -> Self {
        self.store = store;
        self
    }

    /// Returns the part that the model plays.
    pub(crate) fn role(&self) -> &str {
        &self.role
    }

    /// Returns the answers to all requests, in their order.
    ///
    /// # Errors
    /// No request can succeed, or some are deferred.
    pub(crate) async fn generate(
        &self,
        call: &mut ModelCall,
        requests: Vec<Result<ModelRequest, AnswerError>>,
    ) -> Result<Vec<Answered>, ModelEnd> {
        if let Err(error) = call.count(requests.len()) {
            return Ok(requests.iter().map(|_| Err(error.clone())).collect());
        }
        let client = match &self.answers {
            AnswerSource::Model(client) => client,
            AnswerSource::Recorded(recorded) => {
                let mut answer = |request: ModelRequest| self.recorded_answer(recorded, &request, call);
                return Ok(requests.into_iter().map(|request| request.and_then(&mut answer)).collect());
            }
            AnswerSource::Estimated(client, estimates) => {
                let answer = |request: ModelRequest| estimates.answer(client.settings(), &request);
                return Ok(requests.into_iter().map(|request| request.and_then(answer)).collect());
            }
            AnswerSource::Replayed => return Ok(self.replay(call, requests)?),
        };
        let settings = client.settings();
        let (mut placed, mut bodies, mut refused) = (Vec::with_capacity(requests.len()), Vec::new(), Vec::new());
        let scope = format!("{}\0{}\0{}", self.step, self.role, call.batch);
        for (index, request) in requests.into_iter().enumerate() {
            match request {
                Ok(request) => {
                    let body = Bytes::from(request.body(settings).to_string());
                    let identity = (scope.as_bytes(), call.occurrence(&self.role, &body));
                    let url = client.shared.endpoint(request.path())?;
                    let place = StoredPlace::new((&url, &body), identity, self.store.as_ref());
                    if self.recorder.is_some() || call.log.is_some() {
                        bodies.push(recorded_request(&request));
                    }
                    placed.push(Placed { request, url, body, place });
                }
                Err(error) => refused.push((index, error)),
            }
        }
        let answers = ModelEnd::unless_deferred(client.generate(placed, call.followed.as_ref()).await)?;
        if let Some(log) = &call.log {
            self.log_answers(log, &bodies, &answers);
        }
        let mut answers = answers?;
        if let Some(recorder) = &self.recorder {
            for (request, answer) in bodies.into_iter().zip(&answers) {
                self.record(recorder, request, answer.as_ref(), |answer, line| line.answer = Some(answer.text.clone()));
            }
        }
        for (index, error) in refused {
            answers.insert(index, Err(error));
        }
        Ok(answers)
    }

    /// Returns the embeddings of all texts, in their order.
    ///
    /// # Errors
    /// No request can succeed, or some are deferred.
    pub(crate) async fn embed(&self, call: &mut ModelCall, texts: Vec<String>) -> Result<Vec<Embedded>, ModelEnd> {
        if let Err(error) = call.count(texts.len()) {
            return Ok(texts.iter().map(|_| Err(error.clone())).collect());
        }
        match &self.answers {
            AnswerSource::Model(client) => {
                let recorded = self.recorder.as_ref().map(|recorder| (recorder, texts.clone()));
                let logged = call.log.as_ref().map(|log| (log, texts.clone()));
                let vectors = client.embed(texts, self.store.as_ref(), call.followed.as_ref()).await;
                let vectors = ModelEnd::unless_deferred(vectors)?;
                if let Some((log, texts)) = logged {
                    self.log_embeddings(log, &texts, &vectors);
                }
                let vectors = vectors?;
                if let Some((recorder, texts)) = recorded {
                    for (text, vector) in texts.into_iter().zip(&vectors) {
                        let request = json!({ "input": text });
                        self.record(recorder, request, vector.as_ref(), |vector, line| {
                            line.embedding = Some(vector.clone());
                        });
                    }
                }
                Ok(vectors)
            }
            AnswerSource::Estimated(client, estimates) => {
                Ok(estimates.embed(client.settings(), &texts).into_iter().map(Ok).collect())
            }
            AnswerSource::Replayed => Ok(self.replay_embeddings(call, &texts)?),
            AnswerSource::Recorded(recorded) => {
                let embed = |text: String| {
                    let request = json!({ "input": text });
                    let line = recorded.answer(&self.role, (&request, 0), |line| line.answer.is_none());
                    let line = line.ok_or_else(|| not_recorded(&request))?;
                    line.embedding.clone().ok_or_else(|| recorded_error(line))
                };
                Ok(texts.into_iter().map(embed).collect())
            }
        }
    }

    /// Adds a line, unless another attempt could have another result.
    fn record<T>(
        &self,
        recorder: &AnswerRecorder,
        request: Value,
        result: Result<&T, &AnswerError>,
        set: impl FnOnce(&T, &mut RecordedAnswer),
    ) {
        let mut line = RecordedAnswer::new(&self.role, request);
        match result {
            Ok(value) => set(value, &mut line),
            Err(error) if error.kind == AnswerErrorKind::Transient => return,
            Err(error) => line.error = Some(error.message.clone()),
        }
        recorder.add(line);
    }

    fn recorded_answer(&self, recorded: &RecordedAnswers, request: &ModelRequest, call: &mut ModelCall) -> Answered {
        let body = recorded_request(request);
        let occurrence = call.occurrence(&self.role, body.to_string().as_bytes());
        let line = recorded.answer(&self.role, (&body, occurrence), |line| line.embedding.is_none());
        let line = line.ok_or_else(|| not_recorded(&body))?;
        let text = line.answer.clone().ok_or_else(|| recorded_error(line))?;
        let text = match &request.schema {
            None => text,
            Some(schema) => AnswerSchema::new(schema)?.check(&text).map_err(|problem| {
                AnswerError::rejected(format!("the recorded answer does not match its schema: {problem}"))
            })?,
        };
        Ok(Answer {
            text,
            finish: FinishReason::Stop,
            model: "recorded".into(),
            input_tokens: 0,
            output_tokens: 0,
            attempts: 1,
            seconds: 0.0,
        })
    }
}

/// Returns the JSON of a request without the model's name and settings: recorded answers hold for any model.
pub(super) fn recorded_request(request: &ModelRequest) -> Value {
    let mut request = request.body(&ModelSettings::new("", "", ""));
    if let Some(members) = request.as_object_mut() {
        members.remove("model");
    }
    request
}

fn recorded_error(line: &RecordedAnswer) -> AnswerError {
    AnswerError::rejected(line.error.clone().unwrap_or_default())
}

fn not_recorded(request: &Value) -> AnswerError {
    AnswerError::rejected("there is no recorded answer to the request of the step")
        .cause(format!("the request: {}", crate::text::cut(&request.to_string(), 2 << 10)))
        .hint("`stillbox test --record` with `--set-model` records answers, or add a line to answers.jsonl of the case")
}

/// Reads the schema of a request.
///
/// # Errors
/// It is too large, or not JSON.
pub(crate) fn read_schema(text: &str) -> Result<Value, AnswerError> {
    if text.len() > SCHEMA_BYTES {
        return Err(AnswerError::rejected("the schema for the answer is larger than 64 KiB"));
    }
    serde_json::from_str(text)
        .map_err(|error| AnswerError::rejected("the schema for the answer is not JSON").cause(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_asks_a_bounded_number_of_times_for_each_batch() {
        let mut call = ModelCall::default();
        call.begin(1);
        call.count(MAX_REQUESTS as usize).unwrap();
        assert!(call.count(1).is_err());
        assert!(call.count(usize::MAX).is_err());
        call.begin(2);
        call.count(1).unwrap();
    }

    #[test]
    fn equal_requests_of_a_batch_are_told_apart() {
        let mut call = ModelCall::default();
        assert_eq!([call.occurrence("default", b"a"), call.occurrence("default", b"a")], [0, 1]);
        assert_eq!([call.occurrence("default", b"b"), call.occurrence("judge", b"a")], [0, 0]);
        call.begin(1);
        assert_eq!(call.occurrence("default", b"a"), 0);
    }
}
