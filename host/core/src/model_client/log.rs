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
        for (index, request) in requests.iter().enumerate() {
            let outcome = match answers {
                Err(failure) => AnswerOutcome::Failed(failure.clone()),
                Ok(answers) => match &answers[index] {
                    Ok(answer) => AnswerOutcome::Answer(answer.clone()),
                    Err(error) => AnswerOutcome::Error(error.clone()),
                },
            };
            log.add_answer(&self.role, request, outcome);
        }
    }

    /// Records the outcome of a call for each of its texts.
    pub(super) fn log_embeddings(
        &self,
        log: &InstanceLog,
        texts: &[String],
        vectors: &Result<Vec<Embedded>, ModelFailure>,
    ) {
        for (index, text) in texts.iter().enumerate() {
            let outcome = match vectors {
                Err(failure) => AnswerOutcome::Failed(failure.clone()),
                Ok(vectors) => match &vectors[index] {
                    Ok(vector) => AnswerOutcome::Embedding(vector.clone()),
                    Err(error) => AnswerOutcome::Error(error.clone()),
                },
            };
            log.add_answer(&self.role, &json!({ "input": text }), outcome);
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
        let answer = |request: Result<ModelRequest, AnswerError>| {
            let request = match request {
                Ok(request) => recorded_request(&request),
                Err(error) => return Ok(Err(error)),
            };
            match self.logged(call, &request)? {
                Some(AnswerOutcome::Answer(answer)) => Ok(Ok(answer)),
                Some(AnswerOutcome::Error(error)) => Ok(Err(error)),
                _ => Ok(Err(not_logged(&request))),
            }
        };
        requests.into_iter().map(answer).collect()
    }

    /// Returns the logged embeddings.
    ///
    /// # Errors
    /// The model failed.
    pub(super) fn replay_embeddings(&self, call: &ModelCall, texts: &[String]) -> Result<Vec<Embedded>, ModelFailure> {
        let embed = |text: &String| {
            let request = json!({ "input": text });
            match self.logged(call, &request)? {
                Some(AnswerOutcome::Embedding(vector)) => Ok(Ok(vector)),
                Some(AnswerOutcome::Error(error)) => Ok(Err(error)),
                _ => Ok(Err(not_logged(&request))),
            }
        };
        texts.iter().map(embed).collect()
    }

    fn logged(&self, call: &ModelCall, request: &Value) -> Result<Option<AnswerOutcome>, ModelFailure> {
        match call.log.as_ref().and_then(|log| log.answer(&self.role, request)) {
            Some(AnswerOutcome::Failed(failure)) => Err(failure),
            outcome => Ok(outcome),
        }
    }
}

fn not_logged(request: &Value) -> AnswerError {
    AnswerError::rejected("the bundle has no answer to the request of the step")
        .cause(format!("the request: {}", crate::text::cut(&request.to_string(), 2 << 10)))
}
