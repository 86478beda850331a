//! Answers in the log of an instance: recorded, and given again.

use serde_json::{Value, json};

use super::embed::Embedded;
use super::generate::Answered;
use super::source::{ModelCall, ModelSource, recorded_request};
use crate::instance_log::{AnswerOutcome, InstanceLog};
use crate::model::{AnswerError, ModelFailure, ModelRequest};

impl ModelSource {
    /// Records the outcome of a call for each of its requests.
    pub(super) fn log_answers(
        &self,
        log: &InstanceLog,
        requests: &[Value],
        answers: &Result<Vec<Answered>, ModelFailure>,
    ) {
        self.log_each(log, requests, answers, |answer| AnswerOutcome::Answer(answer.clone()));
    }

    /// Records the outcome of a call for each of its texts.
    pub(super) fn log_embeddings(
        &self,
        log: &InstanceLog,
        texts: &[String],
        vectors: &Result<Vec<Embedded>, ModelFailure>,
    ) {
        let requests: Vec<_> = texts.iter().map(|text| json!({ "input": text })).collect();
        self.log_each(log, &requests, vectors, |vector| AnswerOutcome::Embedding(vector.clone()));
    }

    fn log_each<T>(
        &self,
        log: &InstanceLog,
        requests: &[Value],
        results: &Result<Vec<Result<T, AnswerError>>, ModelFailure>,
        outcome: impl Fn(&T) -> AnswerOutcome,
    ) {
        for (index, request) in requests.iter().enumerate() {
            let outcome = match results {
                Err(failure) => AnswerOutcome::Failed(failure.clone()),
                Ok(results) => match &results[index] {
                    Ok(result) => outcome(result),
                    Err(error) => AnswerOutcome::Error(error.clone()),
                },
            };
            log.add_answer(&self.role, request, outcome);
        }
    }

    /// Returns the logged answers.
    ///
    /// # Errors
    /// The model failed.
    pub(super) fn replay(
        &self,
        call: &ModelCall,
        requests: Vec<Result<ModelRequest, AnswerError>>,
    ) -> Result<Vec<Answered>, ModelFailure> {
        let answer = |request: Result<ModelRequest, AnswerError>| match request {
            Ok(request) => self.logged(call, &recorded_request(&request), |outcome| match outcome {
                AnswerOutcome::Answer(answer) => Some(answer),
                _ => None,
            }),
            Err(error) => Ok(Err(error)),
        };
        requests.into_iter().map(answer).collect()
    }

    /// Returns the logged embeddings.
    ///
    /// # Errors
    /// The model failed.
    pub(super) fn replay_embeddings(&self, call: &ModelCall, texts: &[String]) -> Result<Vec<Embedded>, ModelFailure> {
        let embed = |text: &String| {
            self.logged(call, &json!({ "input": text }), |outcome| match outcome {
                AnswerOutcome::Embedding(vector) => Some(vector),
                _ => None,
            })
        };
        texts.iter().map(embed).collect()
    }

    /// Returns the logged outcome of a request, of which `result` takes the kind that was asked for.
    fn logged<T>(
        &self,
        call: &ModelCall,
        request: &Value,
        result: impl Fn(AnswerOutcome) -> Option<T>,
    ) -> Result<Result<T, AnswerError>, ModelFailure> {
        match call.log.as_ref().and_then(|log| log.answer(&self.role, request)) {
            Some(AnswerOutcome::Failed(failure)) => Err(failure),
            Some(AnswerOutcome::Error(error)) => Ok(Err(error)),
            outcome => Ok(outcome.and_then(result).ok_or_else(|| not_logged(request))),
        }
    }
}

fn not_logged(request: &Value) -> AnswerError {
    AnswerError::rejected("the bundle has no answer to the request of the step")
        .cause(format!("the request: {}", crate::text::cut(&request.to_string(), 2 << 10)))
}
