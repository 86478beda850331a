//! The component that every step in JavaScript runs in: an engine, the SDK, and the contract. It gets the modules of a step from
//! the host, by the interface `source`, so all steps share its compiled code.
//!
//! Everything that the modules return is hostile: getters throw, proxies return anything, and errors have no message. Functions of theirs are
//! called where JavaScript itself would call them, and what they throw is an error of the row.

#[expect(clippy::same_length_and_capacity, reason = "wit-bindgen generates the bindings")]
mod bindings;
mod bundle;
mod cell;
mod columns;
mod context;
mod definition;
mod failure;
mod globals;
mod imports;
mod input;
mod json;
mod json_value;
mod loader;
mod output;
mod parameters;
mod places;
mod reading;
mod rows;
mod run;
mod step;
mod typescript;

use std::cell::RefCell;
use std::fmt::Write as _;

use bindings::exports::stillbox::step::guest::{Guest, StepManifest};
use bindings::stillbox::step::panic;
use bindings::stillbox::step::types::{Batch, ErrorKind, Output, Signature, StepError};

use crate::failure::internal;
use crate::run::Instance;
use crate::step::Loaded;

/// The language and version of the SDK, which `stillbox inspect` reads from the component.
#[cfg(target_arch = "wasm32")]
const SDK: &str = concat!("javascript ", env!("CARGO_PKG_VERSION"), "\n");

#[expect(unsafe_code, reason = "`link_section` is unsafe; the linker gives no meaning to a section of this name")]
#[cfg(target_arch = "wasm32")]
#[used]
#[unsafe(link_section = "stillbox-sdk")]
static SDK_SECTION: [u8; SDK.len()] = match SDK.as_bytes().first_chunk() {
    Some(bytes) => *bytes,
    None => panic!("the array has the length of the text"),
};

thread_local! {
    static INSTANCE: RefCell<Option<Instance>> = const { RefCell::new(None) };
}

struct Component;

impl Guest for Component {
    fn manifest() -> StepManifest {
        failure::report_panics();
        match Loaded::load().and_then(|mut loaded| loaded.manifest()) {
            Ok(manifest) => manifest,
            // The contract has no error here.
            Err(error) => {
                panic::report(&as_text(&error), error.location.as_ref(), None);
                std::process::abort()
            }
        }
    }

    fn bind(parameters: String) -> Result<Signature, StepError> {
        failure::report_panics();
        let (instance, signature) = Instance::bind(Loaded::load()?, &parameters)?;
        INSTANCE.set(Some(instance));
        Ok(signature)
    }

    fn process(batch: Batch) -> Result<Output, StepError> {
        with_instance(|instance| instance.process(&batch))
    }

    fn finish() -> Result<Option<Output>, StepError> {
        with_instance(Instance::finish)
    }
}

/// Returns an error as one text, without its place.
fn as_text(error: &StepError) -> String {
    let mut text = error.message.clone();
    // The call that threw comes last.
    let mut calls = error.trace.iter().rev();
    if let Some((_, line)) = calls.next().and_then(|frame| frame.split_once(": ")) {
        let _ = write!(text, ", in `{line}`");
    }
    for call in calls {
        let _ = write!(text, "; called from {call}");
    }
    for cause in &error.causes {
        let _ = write!(text, "; caused by: {cause}");
    }
    if let Some(hint) = &error.hint {
        let _ = write!(text, "; hint: {hint}");
    }
    text
}

fn with_instance<T>(call: impl FnOnce(&mut Instance) -> Result<T, StepError>) -> Result<T, StepError> {
    INSTANCE.with_borrow_mut(|instance| match instance {
        Some(instance) => call(instance),
        None => Err(internal("the host did not call `bind` first")),
    })
}

/// An error without a place in the code.
fn plain(kind: ErrorKind, message: impl Into<String>) -> StepError {
    StepError {
        kind,
        message: message.into(),
        causes: Vec::new(),
        location: None,
        trace: Vec::new(),
        hint: None,
        retry_after_ms: None,
    }
}

#[expect(unsafe_code, reason = "wit-bindgen generates the exports")]
mod exports {
    use super::{Component, bindings};

    bindings::export!(Component with_types_in bindings);
}
