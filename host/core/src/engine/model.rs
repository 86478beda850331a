//! The interface `model`: requests to the models of the step.

use std::borrow::Cow;
use std::fmt;

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::bindings::types::{ErrorKind, StepError};
use super::state::State;
use super::waits;
use crate::grants::Denial;
use crate::model::{
    Answer, AnswerError, AnswerErrorKind, FinishReason, ModelMessage, ModelRequest, Part, Prompt, Speaker,
};
use crate::model_client::{ModelEnd, read_schema};
use crate::units::grouped;

/// `role` in the contract.
#[derive(Debug, Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "guests construct it")]
enum ContractRole {
    #[component(name = "system")]
    System,
    #[component(name = "user")]
    User,
    #[component(name = "assistant")]
    Assistant,
}

/// `image` in the contract.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
struct ContractImage {
    #[component(name = "media-type")]
    media_type: String,
    bytes: Vec<u8>,
}

/// `part` in the contract.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum ContractPart {
    #[component(name = "text")]
    Text(String),
    #[component(name = "image")]
    Image(ContractImage),
}

/// `message` in the contract.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
struct ContractMessage {
    role: ContractRole,
    content: Vec<ContractPart>,
}

/// `prompt` in the contract.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum ContractPrompt {
    #[component(name = "messages")]
    Messages(Vec<ContractMessage>),
    #[component(name = "text")]
    Text(String),
}

/// `request` in the contract.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
struct ContractRequest {
    prompt: ContractPrompt,
    #[component(name = "max-tokens")]
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    #[component(name = "top-p")]
    top_p: Option<f64>,
    stop: Vec<String>,
    seed: Option<i64>,
    schema: Option<String>,
    #[component(name = "allow-truncated")]
    allow_truncated: bool,
}

/// `finish-reason` in the contract.
#[derive(Debug, Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
enum ContractFinish {
    #[component(name = "stop")]
    Stop,
    #[component(name = "length")]
    Length,
    #[component(name = "other")]
    Other,
}

/// `answer` in the contract.
#[derive(Debug, ComponentType, Lift, Lower)]
#[component(record)]
struct ContractAnswer {
    text: String,
    finish: ContractFinish,
    model: String,
    #[component(name = "input-tokens")]
    input_tokens: u64,
    #[component(name = "output-tokens")]
    output_tokens: u64,
    attempts: u32,
    seconds: f64,
}

/// Why a model has no answers, which ends the call of the step.
#[derive(Debug)]
pub(crate) struct ModelHalt(pub(crate) ModelEnd);

impl fmt::Display for ModelHalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ModelEnd::Failed(failure) => fmt::Display::fmt(failure, f),
            ModelEnd::Deferred => f.write_str("the answers are those of a batch"),
        }
    }
}

impl std::error::Error for ModelHalt {}

type Answers<T> = Vec<Result<T, StepError>>;

/// Links the interface.
#[expect(clippy::result_large_err, reason = "the contract has the error")]
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("stillbox:step/model@0.1.0")?;
    instance.func_wrap_async(
        "generate",
        |mut store: StoreContextMut<'_, State>, (role, requests): (String, Vec<ContractRequest>)| {
            Box::new(async move {
                let state = store.data_mut();
                let Some(source) = state.model(&role) else { return Ok((missing(state, &role, requests.len()),)) };
                let _uncounted = state.uncounted_wait();
                let (mut call, count) = (state.take_model_call(), requests.len());
                let what = || awaited(&role, count, "answer");
                let requests = requests.into_iter().map(request).collect();
                let answers = waits::shown(&mut store, what, source.generate(&mut call, requests)).await;
                store.data_mut().put_model_call(call);
                let answers = answers.map_err(ModelHalt)?;
                let answers: Answers<_> =
                    answers.into_iter().map(|answer| answer.map(from_answer).map_err(step_error)).collect();
                Ok((answers,))
            })
        },
    )?;
    instance.func_wrap_async("embed", |mut store: StoreContextMut<'_, State>, (role, texts): (String, Vec<String>)| {
        Box::new(async move {
            let state = store.data_mut();
            let Some(source) = state.model(&role) else { return Ok((missing(state, &role, texts.len()),)) };
            let _uncounted = state.uncounted_wait();
            let (mut call, count) = (state.take_model_call(), texts.len());
            let what = || awaited(&role, count, "vector");
            let vectors = waits::shown(&mut store, what, source.embed(&mut call, texts)).await;
            store.data_mut().put_model_call(call);
            let vectors = vectors.map_err(ModelHalt)?;
            let vectors: Answers<_> = vectors.into_iter().map(|vector| vector.map_err(step_error)).collect();
            Ok((vectors,))
        })
    })
}

/// Returns what a guest waits for.
fn awaited(role: &str, count: usize, what: &str) -> Cow<'static, str> {
    let (role, plural) = (crate::text::cut(role, 60), if count == 1 { "" } else { "s" });
    format!("{} {what}{plural} of the model {role:?}", grouped(count as u64)).into()
}

/// Returns the same error for each request to a model that the step does not have.
#[expect(clippy::result_large_err, reason = "the contract has the error")]
fn missing<T>(state: &mut State, role: &str, count: usize) -> Answers<T> {
    let role = crate::text::cut(role, 60);
    let key =
        if role == "default" { "model = \"NAME\"".to_owned() } else { format!("models = {{ {role} = \"NAME\" }}") };
    let attempt = format!("ask the model {role:?}");
    let denial = Denial::model(attempt.clone(), key);
    let error =
        AnswerError::rejected(format!("the step tried to {attempt}, which it does not have")).hint(denial.hint());
    state.deny(denial);
    (0..count).map(|_| Err(step_error(error.clone()))).collect()
}

fn request(request: ContractRequest) -> Result<ModelRequest, AnswerError> {
    let ContractRequest { prompt, max_tokens, temperature, top_p, stop, seed, schema, allow_truncated } = request;
    let is_finite = |number: Option<f64>| number.is_none_or(f64::is_finite);
    if !is_finite(temperature) || !is_finite(top_p) {
        return Err(AnswerError::rejected("`temperature` and `top-p` of a request are finite numbers"));
    }
    let schema = schema.map(|schema| read_schema(&schema)).transpose()?;
    let prompt = match prompt {
        ContractPrompt::Text(text) => Prompt::Text(text),
        ContractPrompt::Messages(messages) => {
            Prompt::Messages(messages.into_iter().map(message).collect::<Result<_, _>>()?)
        }
    };
    Ok(ModelRequest { prompt, max_tokens, temperature, top_p, stop, seed, schema, allow_truncated })
}

fn message(message: ContractMessage) -> Result<ModelMessage, AnswerError> {
    let speaker = match message.role {
        ContractRole::System => Speaker::System,
        ContractRole::User => Speaker::User,
        ContractRole::Assistant => Speaker::Assistant,
    };
    let part = |part| match part {
        ContractPart::Text(text) => Ok(Part::Text(text)),
        ContractPart::Image(ContractImage { media_type, bytes }) => {
            let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"/.+-".contains(&byte);
            if !media_type.starts_with("image/") || !media_type.bytes().all(is_token) {
                return Err(AnswerError::rejected("the media type of an image is one such as `image/png`"));
            }
            Ok(Part::Image(media_type, bytes))
        }
    };
    Ok(ModelMessage { speaker, content: message.content.into_iter().map(part).collect::<Result<_, _>>()? })
}

fn from_answer(answer: Answer) -> ContractAnswer {
    let Answer { text, finish, model, input_tokens, output_tokens, attempts, seconds } = answer;
    let finish = match finish {
        FinishReason::Stop => ContractFinish::Stop,
        FinishReason::Length => ContractFinish::Length,
        FinishReason::ContentFilter | FinishReason::Other => ContractFinish::Other,
    };
    ContractAnswer { text, finish, model, input_tokens, output_tokens, attempts, seconds }
}

fn step_error(error: AnswerError) -> StepError {
    let AnswerError { kind, message, causes, hint, is_paid: _ } = error;
    let kind = match kind {
        AnswerErrorKind::Transient => ErrorKind::Transient,
        AnswerErrorKind::Rejected => ErrorKind::Input,
    };
    StepError { kind, message, causes, location: None, trace: Vec::new(), hint, retry_after_ms: None }
}
