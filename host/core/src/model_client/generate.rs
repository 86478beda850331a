//! Requests for text.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::attempts::{NoAnswer, Outgoing, Received, UsedTokens};
use super::batch::ModelEnd;
use super::client::{ModelClient, SharedModel, StoredPlace};
use super::followed::FollowedRequest;
use super::journal::{JournalKey, Stored};
use super::schema::AnswerSchema;
use super::tasks::CallTasks;
use super::total::TotalBytes;
use crate::grants::HttpUrl;
use crate::model::{Answer, AnswerError, FinishReason, ModelFailure, ModelRequest};
use crate::monitor::CallMonitor;
use crate::text::cut;
use crate::units::counted;

/// A request as it is sent first, and where its answer is stored.
pub(super) struct Placed {
    pub(super) request: ModelRequest,
    pub(super) url: HttpUrl,
    pub(super) body: Bytes,
    pub(super) place: StoredPlace,
}

/// The answer to a request, or why there is none.
pub(super) type Answered = Result<Answer, AnswerError>;

/// Bytes of an answer in the causes of an error.
const SHOWN_BYTES: usize = 1 << 10;

impl ModelClient {
    /// Returns the answers to all requests, in their order. Those that are stored are not sent.
    ///
    /// # Errors
    /// No request can succeed, or some are deferred.
    pub(super) async fn generate(
        &self,
        requests: Vec<Placed>,
        followed: Option<&CallMonitor>,
    ) -> Result<Vec<Answered>, ModelEnd> {
        let mut answers: Vec<Option<Answered>> = Vec::with_capacity(requests.len());
        let (mut tasks, total) = (CallTasks::default(), TotalBytes::default());
        for (index, placed) in requests.into_iter().enumerate() {
            answers.push(match placed.place.get(&self.shared)? {
                Some(Stored::Answer(answer)) => Some(total.bounded(Ok(answer))),
                Some(Stored::Error(error, ..)) => Some(Err(error)),
                _ => {
                    let model = Arc::clone(&self.shared);
                    let total = total.clone();
                    let followed = followed.filter(|_| !model.settings.batch);
                    let follow = followed.map(|call| FollowedRequest::new(call, &placed.url));
                    let answer = async move {
                        let operation = placed.request.operation();
                        let answered = model.answer(placed).await;
                        if let Some(follow) = follow {
                            follow.answered(&model.settings, operation, &answered);
                        }
                        Ok(answered?.map(|answered| (index, total.bounded(answered))).into_iter().collect())
                    };
                    tasks.start(self, answer)?;
                    None
                }
            });
        }
        tasks.collect(&mut answers).await?;
        answers.into_iter().map(|answer| answer.ok_or_else(|| self.without_answer())).collect()
    }

    /// Returns why a task ended without an answer: its request is deferred, or there is a bug.
    pub(super) fn without_answer(&self) -> ModelEnd {
        if self.has_deferred() { ModelEnd::Deferred } else { ModelEnd::Failed(self.ended()) }
    }

    /// The failure of a task that ended without an answer, which only a bug can cause.
    fn ended(&self) -> ModelFailure {
        ModelFailure {
            message: format!("a request to model \"{}\" ended without an answer", self.shared.settings.name),
            causes: Vec::new(),
            hint: "`-v` shows where in Stillbox it happened".into(),
        }
    }
}

impl SharedModel {
    /// Returns the answer to one request, and stores it. Returns `None` for a request that is deferred.
    async fn answer(&self, placed: Placed) -> Result<Option<Answered>, ModelFailure> {
        let _place = self.place().await?;
        let mut used = UsedTokens::default();
        let Placed { request, url, body, place } = placed;
        let answered = match self.ask(request, (&url, body), place.key, &mut used).await {
            Ok(answer) => Ok(answer),
            Err(NoAnswer::Error(error)) => Err(error),
            Err(NoAnswer::Fatal(failure)) => return Err(failure),
            Err(NoAnswer::Deferred) => return Ok(None),
        };
        let stored = match &answered {
            Ok(answer) => Stored::Answer(answer.clone()),
            Err(error) if error.is_paid => Stored::Error(error.clone(), used.input, used.output),
            Err(_) => return Ok(Some(answered)),
        };
        place.put(self, &stored).await?;
        Ok(Some(answered))
    }

    /// Sends a request, and corrections of it while its answer does not match its schema. Counts the tokens of all of them.
    async fn ask(
        &self,
        mut request: ModelRequest,
        (url, mut body): (&HttpUrl, Bytes),
        place: JournalKey,
        used: &mut UsedTokens,
    ) -> Result<Answer, NoAnswer> {
        let schema = request.schema.as_ref().map(AnswerSchema::new).transpose().map_err(NoAnswer::Error)?;
        let probe = request.short(&self.settings);
        let (start, mut attempts, mut left) = (Instant::now(), 0, self.settings.corrections);
        loop {
            let outgoing = Outgoing { url, body: &body, max_tokens: request.max_tokens, place, probe: &probe };
            let received = self.send(outgoing, used, Answer::read).await.map_err(|error| error.after(attempts))?;
            let Received { value: answer, attempts: more } = received;
            attempts += more;
            let answer = checked_end(answer, &request).map_err(NoAnswer::Error)?;
            let complete = |text| Answer {
                text,
                input_tokens: used.input,
                output_tokens: used.output,
                attempts,
                seconds: start.elapsed().as_secs_f64(),
                model: answer.model.clone(),
                finish: answer.finish,
            };
            let Some(schema) = &schema else { return Ok(complete(answer.text.clone())) };
            match schema.check(&answer.text) {
                Ok(json) => return Ok(complete(json)),
                Err(problem) if left > 0 => {
                    left -= 1;
                    request = request.corrected(&answer.text, &problem);
                    body = request.body(&self.settings).to_string().into();
                }
                Err(problem) => {
                    let corrections = counted(self.settings.corrections.into(), "correction", "corrections");
                    let message = format!("the answer does not match its schema after {corrections}: {problem}");
                    let error = AnswerError::rejected(message).paid();
                    return Err(NoAnswer::Error(
                        error.cause(format!("the answer: {}", cut(&answer.text, SHOWN_BYTES))),
                    ));
                }
            }
        }
    }
}

/// Refuses an answer that is not complete.
fn checked_end(answer: Answer, request: &ModelRequest) -> Result<Answer, AnswerError> {
    let shown = || format!("the answer: {}", cut(&answer.text, SHOWN_BYTES));
    match answer.finish {
        FinishReason::Length if !request.allow_truncated => {
            let message = format!("the answer was cut off after {}", counted(answer.output_tokens, "token", "tokens"));
            Err(AnswerError::rejected(message)
                .cause(shown())
                .hint("raise `max-tokens` of the step, or the model's own limit")
                .paid())
        }
        FinishReason::ContentFilter => {
            Err(AnswerError::rejected("the server's content filter removed the answer").cause(shown()).paid())
        }
        _ => Ok(answer),
    }
}
