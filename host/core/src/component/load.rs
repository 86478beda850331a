//! Loading compiled code into an engine.

use std::io::{Error, ErrorKind};
use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// How often an image of the memory is attempted. Each attempt waits for 75 milliseconds in Linux before it fails.
const IMAGE_ATTEMPTS: usize = 40;

#[expect(unsafe_code, reason = "compiled code can only be loaded by trusting the file it is in")]
pub(super) fn load_file(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file is in a directory that only this user can write to. It has the checksum of the bytes that the
    // compiler returned, and it is never changed after it got its name. wasmtime itself checks that the file is
    // of its version and the engine's configuration.
    unsafe { Component::deserialize_file(engine, path) }
}

#[expect(unsafe_code, reason = "compiled code can only be loaded by trusting where it comes from")]
pub(super) fn load_compiled(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the code comes from this version of wasmtime, in a thread of this process or in a process that the program
    // has named as its compiler. wasmtime checks the version and the settings of the engine.
    let component = unsafe { Component::deserialize(engine, code) }?;
    // Otherwise it is created for the first instance. The code is in no file that could be mapped, so wasmtime copies the memory
    // of an instance to a sealed file in memory. Linux refuses the seal while another part of it holds one of the pages, which
    // happens to large memories on a busy machine and passes.
    attempt_while_busy(|| component.initialize_copy_on_write_image())?;
    Ok(component)
}

fn attempt_while_busy(mut attempt: impl FnMut() -> wasmtime::Result<()>) -> wasmtime::Result<()> {
    for _ in 1..IMAGE_ATTEMPTS {
        match attempt() {
            Err(error) if is_busy(&error) => {}
            done => return done,
        }
    }
    attempt()
}

fn is_busy(error: &wasmtime::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<Error>());
    causes.any(|cause| cause.kind() == ErrorKind::ResourceBusy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_repeated_while_the_resource_is_busy() {
        let busy = || wasmtime::Error::from(Error::from(ErrorKind::ResourceBusy)).context("cannot add seals");
        let mut attempts = 0;
        let result = attempt_while_busy(|| {
            attempts += 1;
            if attempts < 3 { Err(busy()) } else { Ok(()) }
        });
        assert!(result.is_ok());
        assert_eq!(attempts, 3);

        let mut attempts = 0;
        let result = attempt_while_busy(|| {
            attempts += 1;
            Err(busy())
        });
        assert!(is_busy(&result.unwrap_err()));
        assert_eq!(attempts, IMAGE_ATTEMPTS);

        let mut attempts = 0;
        let result = attempt_while_busy(|| {
            attempts += 1;
            Err(wasmtime::Error::msg("too large"))
        });
        assert_eq!((result.unwrap_err().to_string(), attempts), ("too large".to_owned(), 1));
    }
}
