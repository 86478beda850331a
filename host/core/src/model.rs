//! Language models: settings, requests and answers as data. `model_client` sends them.

mod answer;
mod batch;
mod error;
mod estimate;
mod probe;
mod recorded;
mod request;
mod settings;
mod usage;

pub use batch::WaitingBatch;
pub use estimate::{EstimatedUsage, ModelEstimate, RejectedRows};
pub use probe::{KeyVerdict, KindProbe, ModelProbe, ProbeError, RequestKind};
pub use recorded::{AnswerRecorder, RecordedAnswer, RecordedAnswers};
pub use settings::{ModelBudget, ModelProblem, ModelSettings, Price, StepModels};
pub use usage::ModelUsage;

pub(crate) use answer::{Answer, FinishReason, Vectors, tokens};
pub(crate) use error::{AnswerError, AnswerErrorKind, ModelFailure};
pub(crate) use request::{ModelMessage, ModelRequest, Part, Prompt, Speaker};
