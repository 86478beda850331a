//! Credential helpers of Docker: programs `docker-credential-NAME` that are asked for the credentials of a registry.

use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::credential::Credential;
use super::options::TransferOptions;
use crate::process::{self, ProcessEnd, ProcessOptions};

/// The longest time that a helper may take. Some wait for the user to unlock a store.
const TIME: Duration = Duration::from_mins(1);
/// The user name that stands for a token.
const TOKEN: &str = "<token>";
/// How the message of a helper begins that has no credentials.
const NOT_FOUND: &str = "credentials not found";

/// Why a helper has no answer. Its output is never part of a message, since it may contain credentials.
#[derive(Debug, thiserror::Error)]
pub(super) enum HelperError {
    #[error("has a name that is not one of a program")]
    Name,
    #[error("cannot be started ({0})")]
    Start(std::io::ErrorKind),
    #[error("did not end within {} s", TIME.as_secs())]
    Slow,
    #[error("failed with {0}")]
    Failed(std::process::ExitStatus),
    #[error("has printed no credentials")]
    Malformed,
    #[error("was stopped")]
    Stopped,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks a helper for the credentials of a registry. Returns `None` if it has none.
///
/// # Errors
/// The helper cannot be started, is too slow, fails, or was stopped.
pub(super) fn get(helper: &str, registry: &str, options: &TransferOptions) -> Result<Option<Credential>, HelperError> {
    // A path would start any program.
    if !helper.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return Err(HelperError::Name);
    }
    let stop = || {
        options.interrupt.poll();
        options.interrupt.is_triggered()
    };
    let process = ProcessOptions {
        input: registry.to_owned().into(),
        stop: &stop,
        time: Some(TIME),
        cleanup: &options.cleanup,
        on_line: &|_| (),
    };
    let end = process::run(Command::new(format!("docker-credential-{helper}")).arg("get"), &process);
    let output = match end.map_err(|error| HelperError::Start(error.kind()))? {
        ProcessEnd::Exited(output) => output,
        ProcessEnd::TimedOut => return Err(HelperError::Slow),
        ProcessEnd::Stopped => return Err(HelperError::Stopped),
    };
    if !output.status.success() {
        let is_missing = output.stdout.starts_with(NOT_FOUND.as_bytes());
        return if is_missing { Ok(None) } else { Err(HelperError::Failed(output.status)) };
    }
    let Answer { username, secret } = serde_json::from_slice(&output.stdout).map_err(|_| HelperError::Malformed)?;
    Ok(match (&*username, &*secret) {
        (_, "") => None,
        (TOKEN, _) => Some(Credential::Identity(secret)),
        _ => Some(Credential::Password { user: username, password: secret }),
    })
}
