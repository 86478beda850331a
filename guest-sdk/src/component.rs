//! The component's exports.

use std::cell::RefCell;
use std::marker::PhantomData;

use crate::contract::exports::stillbox::step::guest::Guest;
use crate::contract::{Batch, ErrorKind, Manifest, Output, Signature, StepError};
use crate::received::ReceivedBatch;
use crate::run::{Instance, Step, step_manifest};
use crate::{Error, panic};

/// The language and version of this SDK, which `stillbox inspect` reads from the component.
#[cfg(target_arch = "wasm32")]
const SDK: &str = concat!("rust ", env!("CARGO_PKG_VERSION"), "\n");

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

/// The exports of a step. `#[step]` exports them from the component.
#[derive(Debug)]
pub struct Component<S>(PhantomData<S>);

impl<S: Step> Guest for Component<S> {
    fn manifest() -> Manifest {
        panic::report_panics();
        step_manifest::<S>()
    }

    fn bind(parameters: String) -> Result<Signature, StepError> {
        panic::report_panics();
        let (signature, instance) = Instance::bind::<S>(&parameters)?;
        INSTANCE.set(Some(instance));
        Ok(signature)
    }

    fn process(batch: Batch) -> Result<Output, StepError> {
        #[expect(unsafe_code, reason = "see `ReceivedBatch::from_host`")]
        // SAFETY: only the host calls the exports, and it has checked that the texts are UTF-8. A host that breaks the contract
        // can write to the whole memory anyway.
        let received = unsafe { ReceivedBatch::from_host(&batch) };
        with_instance(|instance| instance.process(received))
    }

    fn finish() -> Result<Option<Output>, StepError> {
        with_instance(Instance::finish)
    }
}

fn with_instance<T>(call: impl FnOnce(&mut Instance) -> Result<T, StepError>) -> Result<T, StepError> {
    INSTANCE.with_borrow_mut(|instance| match instance {
        Some(instance) => call(instance),
        None => Err(Error::internal("the host did not call `bind` first").into_step_error(ErrorKind::Internal)),
    })
}
