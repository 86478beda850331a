//! The component that every step in JavaScript runs in: an engine, the SDK, and the contract. It gets the modules of a step from
//! the host, by the interface `source`, so all steps share its compiled code.
//!
//! Everything that the modules return is hostile: getters throw, proxies lie, and errors have no message. Functions of theirs are
//! called where JavaScript itself would call them, and what they throw is an error of the row.

mod bindings;
mod bundle;
mod cell;
mod columns;
mod context;
mod definition;
mod failure;
mod globals;
mod input;
mod json;
mod json_value;
mod loader;
mod output;
mod parameters;
mod reading;
mod rows;
mod run;
mod step;
mod typescript;

use std::cell::RefCell;

use bindings::exports::stillbox::step::guest::{Guest, StepManifest};
use bindings::stillbox::step::panic;
use bindings::stillbox::step::types::{Batch, ErrorKind, Output, Signature, StepError};

use crate::failure::internal;
use crate::run::Instance;
use crate::step::Loaded;

/// The language and version of the SDK, which `stillbox inspect` reads from the component.
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
        match Loaded::load() {
            Ok(mut loaded) => loaded.manifest(),
            // The contract has no error here.
            Err(error) => {
                // The call that threw comes last.
                let message = match error.trace.last().and_then(|frame| frame.split_once(": ")) {
                    Some((_, line)) => format!("{}, in `{line}`", error.message),
                    None => error.message,
                };
                panic::report(&message, error.location.as_ref(), None);
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
