//! The component's exports.

use std::cell::RefCell;
use std::marker::PhantomData;

use crate::contract::exports::stillbox::step::guest::Guest;
use crate::contract::{Batch, ErrorKind, Manifest, Output, Signature, StepError};
use crate::run::{Instance, Step, manifest_of};
use crate::sent::Sent;
use crate::{Error, panic};

/// What is read by whoever wants to know what a component was made with: the language and this SDK's version.
#[cfg(target_arch = "wasm32")]
const SDK: &str = concat!("rust ", env!("CARGO_PKG_VERSION"), "\n");

#[expect(unsafe_code, reason = "a section has to be named, and none that the linker knows has this name")]
#[cfg(target_arch = "wasm32")]
#[used]
#[unsafe(link_section = "stillbox-sdk")]
static SDK_SECTION: [u8; SDK.len()] = match SDK.as_bytes().first_chunk() {
    Some(bytes) => *bytes,
    None => panic!("a text is as long as it is"),
};

thread_local! {
    static INSTANCE: RefCell<Option<Instance>> = const { RefCell::new(None) };
}

/// A step as a component. `#[step]` has it exported.
#[derive(Debug)]
pub struct Component<S>(PhantomData<S>);

impl<S: Step> Guest for Component<S> {
    fn manifest() -> Manifest {
        panic::report_panics();
        manifest_of::<S>()
    }

    fn bind(parameters: String) -> Result<Signature, StepError> {
        panic::report_panics();
        let (signature, instance) = Instance::bind::<S>(&parameters)?;
        INSTANCE.set(Some(instance));
        Ok(signature)
    }

    fn process(batch: Batch) -> Result<Output, StepError> {
        #[expect(unsafe_code, reason = "see `Sent::by_host`")]
        // SAFETY: this is what the component exports, so the host has made the batch, and has checked its texts. To one that
        // does not keep the contract the whole memory is open anyway.
        let sent = unsafe { Sent::by_host(&batch) };
        with_instance(|instance| instance.process(sent))
    }

    fn finish() -> Result<Option<Output>, StepError> {
        with_instance(Instance::finish)
    }
}

fn with_instance<T>(call: impl FnOnce(&mut Instance) -> Result<T, StepError>) -> Result<T, StepError> {
    INSTANCE.with_borrow_mut(|instance| match instance {
        Some(instance) => call(instance),
        None => Err(Error::internal("the host didn't call `bind` first").into_step_error(ErrorKind::Internal)),
    })
}
