//! Short requests that show whether a model can be used.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{ModelClient, SharedModel};
use super::outcome::Outcome;
use crate::failure::SHORTAGE_HINT;
use crate::http::AbortOnDrop;
use crate::model::{
    Answer, AnswerErrorKind, KeyVerdict, KindProbe, ModelProbe, ModelSettings, ProbeError, RequestKind, Vectors,
};

/// A probe that is running. It ends when this is dropped.
pub(crate) struct RunningProbe {
    _task: Option<AbortOnDrop<()>>,
    pub(crate) result: Receiver<ModelProbe>,
}

/// The server's answer to one request.
enum ProbeVerdict {
    /// It is an answer.
    Supported,
    /// The server answers, but not requests of this kind.
    Unsupported(String),
    /// The server rejects the key.
    KeyRejected(String),
    /// The server does not answer, or with an error that holds for all kinds.
    Failed { error: ProbeError, is_reached: bool },
}

impl ModelClient {
    /// Starts to send a short request of each kind.
    pub(crate) fn probe(&self) -> RunningProbe {
        let (sender, result) = channel();
        let shared = Arc::clone(&self.shared);
        let task = self.http.spawn({
            let sender = sender.clone();
            async move {
                // Without a receiver the check has ended.
                let _ = sender.send(shared.probe().await);
            }
        });
        let task = task.map_err(|error| {
            let mut probe = new_probe(&self.shared.settings);
            let message = "no thread can be started for requests to models".to_owned();
            probe.error = Some(ProbeError { message, causes: vec![error.to_string()], help: SHORTAGE_HINT.into() });
            let _ = sender.send(probe);
        });
        RunningProbe { _task: task.ok(), result }
    }
}

impl SharedModel {
    async fn probe(&self) -> ModelProbe {
        let mut probe = new_probe(&self.settings);
        let accepted = if self.settings.key.is_some() { KeyVerdict::Accepted } else { KeyVerdict::NotNeeded };
        for kind in RequestKind::ALL {
            let start = Instant::now();
            let verdict = self.ask_kind(kind).await;
            if let ProbeVerdict::Failed { is_reached, .. } = &verdict {
                probe.reachable |= is_reached;
            } else {
                (probe.reachable, probe.key) = (true, accepted);
            }
            match verdict {
                ProbeVerdict::Supported => {
                    probe.seconds.get_or_insert_with(|| start.elapsed().as_secs_f64());
                    probe.kinds.push(KindProbe::new(kind, None));
                }
                ProbeVerdict::Unsupported(message) => probe.kinds.push(KindProbe::new(kind, Some(message))),
                // Some servers answer so for a kind that the model does not have.
                ProbeVerdict::KeyRejected(cause) if probe.kinds.iter().any(|kind| kind.supported) => {
                    probe.kinds.push(KindProbe::new(kind, Some(cause)));
                }
                ProbeVerdict::KeyRejected(cause) => {
                    probe.key = KeyVerdict::Rejected;
                    probe.error = Some(self.key_rejected(cause));
                    return probe;
                }
                ProbeVerdict::Failed { error, .. } => {
                    // A kind that is supported stays so if only another one fails.
                    probe.error = Some(error).filter(|_| !probe.kinds.iter().any(|kind| kind.supported));
                    return probe;
                }
            }
        }
        if !probe.kinds.iter().any(|kind| kind.supported) {
            let cause = |kind: &KindProbe| Some(format!("{}: {}", kind.kind.name(), kind.message.as_ref()?));
            probe.error = Some(ProbeError {
                message: format!("the server of model \"{}\" answers no kind of request", self.settings.name),
                causes: probe.kinds.iter().filter_map(cause).collect(),
                help: "check `url`, which ends before `chat/completions`, and `model`, the model's name at the server"
                    .into(),
            });
        }
        probe
    }

    fn key_rejected(&self, cause: String) -> ProbeError {
        let name = &self.settings.name;
        let (message, help) = match &self.settings.key {
            Some(key) => (
                format!("the server of model \"{name}\" rejects its key"),
                format!("check the secret \"{key}\", and the account of the model's provider"),
            ),
            None => (
                format!("the server of model \"{name}\" asks for a key, and the model has none"),
                "add `key = \"NAME\"` to the model, with the name of a secret of [secrets]".to_owned(),
            ),
        };
        ProbeError { message, causes: vec![cause], help }
    }

    async fn ask_kind(&self, kind: RequestKind) -> ProbeVerdict {
        let (path, body) = request(kind, &self.settings);
        let url = match self.endpoint(path) {
            Ok(url) => url,
            Err(failure) => {
                let (message, causes, help) = (failure.message, failure.causes, failure.hint);
                return ProbeVerdict::Failed { error: ProbeError { message, causes, help }, is_reached: false };
            }
        };
        let result = self.caller.post_json(&url, Bytes::from(body.to_string())).await;
        // 0 for no response.
        let status = result.as_ref().map_or(0, |response| response.status.as_u16());
        self.verdict(kind, status, Outcome::of(result, &self.settings))
    }

    fn verdict(&self, kind: RequestKind, status: u16, outcome: Outcome) -> ProbeVerdict {
        let name = &self.settings.name;
        let failed = |message: String, cause: String, help: String| ProbeVerdict::Failed {
            error: ProbeError { message, causes: vec![cause], help },
            is_reached: status > 0,
        };
        match outcome {
            Outcome::Answer(json) => {
                let read = match kind {
                    RequestKind::Embeddings => Vectors::read(&json, 1).map(drop),
                    _ => Answer::read(&json).map(drop),
                };
                match read {
                    Err(error) if error.kind == AnswerErrorKind::Transient => ProbeVerdict::Unsupported(error.message),
                    // A refusal is an answer.
                    _ => ProbeVerdict::Supported,
                }
            }
            Outcome::Rejected(error) => ProbeVerdict::Unsupported(error.message),
            Outcome::Fatal(failure) => {
                let cause = failure.causes.into_iter().next().unwrap_or_default();
                match status {
                    401 | 402 | 403 | 407 | 429 => ProbeVerdict::KeyRejected(cause),
                    0 => failed(failure.message, cause, failure.hint),
                    _ => ProbeVerdict::Unsupported(cause),
                }
            }
            Outcome::Limited(problem) => {
                let message = format!("the server of model \"{name}\" takes no more requests at the moment");
                failed(message, problem.message, "wait, and check the limits of the account".into())
            }
            // Some servers answer requests of a kind that they do not have so.
            Outcome::Failed(problem) if status == 501 => ProbeVerdict::Unsupported(problem.message),
            Outcome::Failed(problem) if status > 0 => {
                let message = format!("the server of model \"{name}\" answers with an error");
                failed(message, problem.message, "check the server, or try again later".into())
            }
            Outcome::Failed(problem) => {
                let message = format!("the server of model \"{name}\" does not answer");
                failed(message, problem.message, format!("check that a server runs at {}", self.settings.url))
            }
        }
    }
}

fn new_probe(settings: &ModelSettings) -> ModelProbe {
    ModelProbe {
        name: settings.name.clone(),
        url: settings.url.clone(),
        model: settings.model.clone(),
        reachable: false,
        key: KeyVerdict::Unknown,
        kinds: Vec::new(),
        seconds: None,
        error: None,
    }
}

/// Returns the path and the JSON of a short request.
fn request(kind: RequestKind, settings: &ModelSettings) -> (&'static str, Value) {
    let mut body = settings.body.clone();
    body.insert("model".into(), settings.model.clone().into());
    let path = match kind {
        RequestKind::Chat => {
            body.insert("messages".into(), json!([{ "role": "user", "content": "Hi" }]));
            "chat/completions"
        }
        RequestKind::Completions => {
            body.insert("prompt".into(), "Hi".into());
            "completions"
        }
        RequestKind::Embeddings => {
            body.insert("input".into(), json!(["Hi"]));
            return ("embeddings", body.into());
        }
    };
    body.insert("max_tokens".into(), 1.into());
    (path, body.into())
}
