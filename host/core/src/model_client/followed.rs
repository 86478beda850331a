//! Reports requests to the monitor of the run.

use std::time::Instant;

use crate::grants::{HttpUrl, UrlHost};
use crate::model::{Answer, AnswerError, FinishReason, ModelFailure, ModelSettings};
use crate::monitor::{CallMonitor, ModelRequestSpan};
use crate::text::cut;

/// The longest name of a model that a server returns, in bytes.
const NAME_BYTES: usize = 200;

/// A request that is reported when it has ended.
pub(super) struct FollowedRequest {
    call: CallMonitor,
    started: Instant,
    server: String,
    port: u16,
}

impl FollowedRequest {
    /// Starts a request to this URL.
    pub(super) fn new(call: &CallMonitor, url: &HttpUrl) -> Self {
        let server = match &url.host {
            UrlHost::Name(name) => name.clone(),
            address @ UrlHost::Address(_) => address.to_string(),
        };
        Self { call: call.clone(), started: Instant::now(), server, port: url.port }
    }

    /// Reports the answer.
    pub(super) fn answered(
        self,
        settings: &ModelSettings,
        operation: &'static str,
        answered: &Result<Option<Result<Answer, AnswerError>>, ModelFailure>,
    ) {
        let mut span = self.span(settings, operation);
        match answered {
            Ok(Some(Ok(answer))) => {
                (span.input_tokens, span.output_tokens) = (answer.input_tokens, answer.output_tokens);
                span.response_model = cut(&answer.model, NAME_BYTES);
                span.finish_reason = Some(match answer.finish {
                    FinishReason::Stop => "stop",
                    FinishReason::Length => "length",
                    FinishReason::ContentFilter => "content_filter",
                    FinishReason::Other => "other",
                });
            }
            // A request without an answer is deferred, and has not been sent.
            Ok(None) => return,
            Ok(Some(Err(_))) | Err(_) => span.error = true,
        }
        self.call.model_request(self.started, span);
    }

    /// Reports the answer to a request for embeddings, with its tokens if there is one.
    pub(super) fn embedded(self, settings: &ModelSettings, input_tokens: Option<u64>) {
        let mut span = self.span(settings, "embeddings");
        (span.input_tokens, span.error) = (input_tokens.unwrap_or(0), input_tokens.is_none());
        self.call.model_request(self.started, span);
    }

    fn span(&self, settings: &ModelSettings, operation: &'static str) -> ModelRequestSpan {
        ModelRequestSpan {
            name: settings.name.clone(),
            operation,
            server: self.server.clone(),
            port: self.port,
            model: settings.model.clone(),
            response_model: String::new(),
            finish_reason: None,
            input_tokens: 0,
            output_tokens: 0,
            error: false,
        }
    }
}
