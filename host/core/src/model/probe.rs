//! The answers of a model's server to short requests.

use serde::Serialize;

/// The answers of a model's server to a short request of each kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelProbe {
    /// The model's name in the pipeline.
    pub name: String,
    /// The start of the server's URLs.
    pub url: String,
    /// The model's name at the server, as the pipeline has it.
    pub model: String,
    /// Whether the server answered at all.
    pub reachable: bool,
    /// The server's verdict on the key.
    pub key: KeyVerdict,
    /// The kinds of requests that were sent, in the order in which they were.
    pub kinds: Vec<KindProbe>,
    /// The time to the first answer, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Why no step can use the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ProbeError>,
}

/// A server's verdict on the key of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeyVerdict {
    /// A request with the key was accepted, or rejected for another reason.
    Accepted,
    /// The server rejects the key, or the account of the key has no credit.
    Rejected,
    /// The model has no key, and the server asks for none.
    NotNeeded,
    /// The server did not answer.
    Unknown,
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RequestKind {
    /// A conversation.
    Chat,
    /// The continuation of a text.
    Completions,
    /// Embeddings of texts.
    Embeddings,
}

impl RequestKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Completions, Self::Embeddings];

    /// Returns the name of the kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
        }
    }
}

/// The answer to a request of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KindProbe {
    /// The kind.
    pub kind: RequestKind,
    /// Whether the model answers requests of this kind.
    pub supported: bool,
    /// The server's error, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Why no step can use a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProbeError {
    /// The error, in one sentence.
    pub message: String,
    /// The causes, the nearest one first.
    pub causes: Vec<String>,
    /// The next action for the user.
    pub help: String,
}

impl KindProbe {
    pub(crate) fn new(kind: RequestKind, message: Option<String>) -> Self {
        Self { kind, supported: message.is_none(), message }
    }
}
