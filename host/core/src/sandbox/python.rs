//! The stack of a Python step, which is that of the interpreter and not of its functions in C.
//!
//! A step that a limit ends raises no exception, so its SDK cannot tell where it was. The host reads it from the instance's memory
//! instead. The memory is the guest's: it may contain anything, and what makes no sense ends the stack.

mod interpreter;
mod lines;
mod memory;

use wasmtime::{AsContext, WasmCoreDump};

use crate::component::Component;
use crate::failure::{Failure, Location};
use crate::stack::Frame;
use interpreter::PythonFrame;
use memory::GuestMemory;

/// The language of the steps that have such a stack.
const LANGUAGE: &str = "python";

/// The folders of a component when it is built, in the order of the SDK's command line.
const STEP: &str = "/0/";
const SDK: &str = "/1/";
const LIBRARY: &str = "/python/";
/// Generated code.
const GENERATED: [&str; 3] = ["/world/", "/bundled/", "<frozen "];

/// The stack of a Python step, innermost frame first.
pub(super) struct PythonStack {
    frames: Vec<PythonFrame>,
    /// The folder of the step's module, relative to the step's folder: empty or ending with `/`.
    source_folder: String,
}

impl PythonStack {
    /// Reads the stack of the instance that this error ended. Returns `None` for a step with an SDK of another language, and
    /// if the guest was not running or its memory contains no interpreter.
    pub(super) fn read(error: &wasmtime::Error, store: impl AsContext, component: &Component) -> Option<Self> {
        let toolchain = component.toolchain();
        // Without an SDK, the language is that of the compiler, which for an interpreter is its own.
        if toolchain.sdk.is_some() && toolchain.language.as_deref() != Some(LANGUAGE) {
            return None;
        }
        let ended: &WasmCoreDump = error.downcast_ref()?;
        let store = store.as_context();
        let frames =
            ended.memories().iter().find_map(|memory| interpreter::frames(GuestMemory(memory.data(&store))))?;
        Some(Self { frames, source_folder: toolchain.source_folder.clone().unwrap_or_default() })
    }

    /// Replaces the frames of the interpreter's own functions, and adds the innermost line of the author's code.
    pub(super) fn attach_to(self, failure: &mut Failure) {
        if failure.location.is_none()
            && let Some(frame) = self.frames.iter().find(|frame| is_of_author(&frame.file))
        {
            failure.location = self.location(frame);
        }
        failure.backtrace = self.shown();
    }

    /// Returns the frames without those of the SDK and of generated code. Those of the standard library are counted.
    fn shown(&self) -> Vec<Frame> {
        let is_shown = |frame: &&PythonFrame| {
            !frame.file.starts_with(SDK) && !GENERATED.iter().any(|start| frame.file.starts_with(start))
        };
        let mut frames = super::stack::FoldedFrames::default();
        for frame in self.frames.iter().filter(is_shown) {
            if frame.file.starts_with(LIBRARY) {
                frames.fold();
            } else {
                frames.push(Frame { function: frame.function.clone(), location: self.location(frame) });
            }
        }
        frames.finish()
    }

    fn location(&self, frame: &PythonFrame) -> Option<Location> {
        let file = match frame.file.strip_prefix(STEP) {
            Some(file) => format!("{}{file}", self.source_folder),
            None => frame.file.clone(),
        };
        Some(Location { file, line: frame.line?, column: None })
    }
}

fn is_of_author(file: &str) -> bool {
    file.starts_with(STEP) && !file.contains("site-packages")
}
