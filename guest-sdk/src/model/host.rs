//! The calls of the host.

use std::panic::Location;

use super::{Answer, Request};
#[cfg(target_arch = "wasm32")]
use crate::Error;
use crate::Result;

/// Bytes of the arguments of one call. The host accepts 4 MiB.
#[cfg(target_arch = "wasm32")]
const CALL_BYTES: usize = 3 << 20;
/// Bytes of a single request.
#[cfg(target_arch = "wasm32")]
const MAX_BYTES: usize = 4_000_000;

#[cfg(target_arch = "wasm32")]
pub(super) fn generate(
    role: &str,
    requests: Vec<Request>,
    caller: &'static Location<'static>,
) -> Result<Vec<Result<Answer>>> {
    use crate::contract::stillbox::step::model;

    let error = |error| Error::from_step_error(error).at(caller);
    let mut answers = Vec::with_capacity(requests.len());
    send(requests, Request::size, &mut answers, |requests| {
        let requests: Vec<_> = requests.into_iter().map(|request| request.contract).collect();
        let received = model::generate(role, &requests);
        received.into_iter().map(|answer| answer.map(from_contract).map_err(error)).collect()
    });
    Ok(answers)
}

#[cfg(target_arch = "wasm32")]
pub(super) fn embed(
    role: &str,
    texts: Vec<String>,
    caller: &'static Location<'static>,
) -> Result<Vec<Result<Vec<f32>>>> {
    use crate::contract::stillbox::step::model;

    let error = |error| Error::from_step_error(error).at(caller);
    let mut vectors = Vec::with_capacity(texts.len());
    send(
        texts,
        |text| 8 + text.len(),
        &mut vectors,
        |texts| {
            let received = model::embed(role, &texts);
            received.into_iter().map(|vector| vector.map_err(error)).collect()
        },
    );
    Ok(vectors)
}

/// Calls a function with as many requests at a time as the host accepts. One that is too large alone gets an error.
#[cfg(target_arch = "wasm32")]
fn send<R, T>(
    requests: Vec<R>,
    size: impl Fn(&R) -> usize,
    results: &mut Vec<Result<T>>,
    mut call: impl FnMut(Vec<R>) -> Vec<Result<T>>,
) {
    let (mut group, mut bytes) = (Vec::new(), 0);
    for request in requests {
        let own = size(&request);
        if bytes + own > CALL_BYTES && !group.is_empty() {
            results.extend(call(std::mem::take(&mut group)));
            bytes = 0;
        }
        if own > MAX_BYTES {
            results.push(Err(Error::input("the request to the model is larger than 4 MB")));
            continue;
        }
        bytes += own;
        group.push(request);
    }
    if !group.is_empty() {
        results.extend(call(group));
    }
}

#[cfg(target_arch = "wasm32")]
fn from_contract(answer: crate::contract::stillbox::step::model::Answer) -> Answer {
    use crate::contract::stillbox::step::model::FinishReason;

    Answer {
        text: answer.text,
        is_truncated: matches!(answer.finish, FinishReason::Length),
        model: answer.model,
        input_tokens: answer.input_tokens,
        output_tokens: answer.output_tokens,
        attempts: answer.attempts,
        seconds: answer.seconds,
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub(super) fn generate(_: &str, _: Vec<Request>, caller: &'static Location<'static>) -> Result<Vec<Result<Answer>>> {
    Err(no_host().at(caller))
}

#[cfg(not(target_arch = "wasm32"))]
pub(super) fn embed(_: &str, _: Vec<String>, caller: &'static Location<'static>) -> Result<Vec<Result<Vec<f32>>>> {
    Err(no_host().at(caller))
}

#[cfg(not(target_arch = "wasm32"))]
fn no_host() -> crate::Error {
    crate::Error::internal("models can be asked in a component alone")
        .hint("test the step with cases, and their answers.jsonl")
}
