//! The captured output of a guest: its log, its standard streams and its denied accesses. It is added to failures.

use std::sync::Arc;

use super::access::Access;
use super::capture::{GuestOutput, Log};
use crate::failure::{Failure, FailureKind, LogEntry};
use crate::grants::Denial;
use crate::http::{Notice, Notices};
use crate::limits::Limits;

/// The note that the standard library of Rust prints after a panic or a failed allocation. An author cannot follow it, because a step has
/// no environment variables.
const BACKTRACE_NOTE: &str = "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";

/// The call or the row that a failure belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribution {
    /// The whole call, and with it each of its requests.
    Call,
    /// One row of several that were rejected. Only the requests that it names are its own.
    OneRowOfSeveral,
}

/// Logged messages, written text and denied accesses of a guest.
pub(crate) struct CapturedOutput {
    pub(super) stderr: GuestOutput,
    pub(super) stdout: GuestOutput,
    pub(super) log: Log,
    pub(super) denied: Option<Denial>,
    /// What the host knows about the requests of the call. `None` before the first use of `wasi:http`.
    pub(super) requests: Option<Arc<Notices>>,
    access: Option<Arc<Access>>,
}

impl CapturedOutput {
    pub(super) fn new(limits: &Limits, access: Option<&Arc<Access>>) -> Self {
        Self {
            stderr: GuestOutput::new(limits.log_bytes),
            stdout: GuestOutput::new(limits.log_bytes),
            log: Log::new(limits.log_bytes),
            denied: None,
            requests: None,
            access: access.cloned(),
        }
    }

    /// Adds the captured output to a failure. A failure after an access that was denied becomes one of kind `denied`.
    pub(crate) fn attach_to(&self, failure: &mut Failure) {
        self.attach_output_to(failure);
        self.complete(failure, Attribution::Call);
    }

    /// Adds the captured output to a failure that is [complete](Self::complete).
    pub(crate) fn attach_output_to(&self, failure: &mut Failure) {
        failure.stderr = self.stderr.text().replace(BACKTRACE_NOTE, "");
        failure.stdout = self.stdout.text();
        failure.log = self.log.entries();
        self.redact(failure);
    }

    /// Completes a failure without adding output: marks one after a denied access, and removes secrets. Every text of a step
    /// that the host writes anywhere passes through here or [`attach_output_to`](Self::attach_output_to).
    pub(crate) fn complete(&self, failure: &mut Failure, attribution: Attribution) {
        let is_own = matches!(
            failure.kind,
            FailureKind::GuestError | FailureKind::Panic | FailureKind::Trap | FailureKind::Exit
        );
        if is_own {
            let request = self.requests.as_ref().and_then(|requests| {
                let messages = [&failure.message].into_iter().chain(&failure.causes);
                let messages = messages.map(String::as_str).collect::<Vec<_>>().join("\n");
                match attribution {
                    Attribution::Call => requests.cause_of(&messages),
                    Attribution::OneRowOfSeveral => requests.named_in(&messages),
                }
            });
            let denied = match &request {
                Some(Notice::Denied(denial)) => Some(denial),
                _ => None,
            };
            if let Some(denial) = self.denied.as_ref().or(denied) {
                failure.kind = FailureKind::Denied;
                // A second attempt is denied, too.
                (failure.transient, failure.retry_after_ms) = (false, None);
                failure.hint = Some(denial.hint());
            } else if let Some(quota) = self.access.as_ref().and_then(|access| access.used_up()) {
                failure.hint.get_or_insert(quota);
            } else if let Some(Notice::Failed(request, detail)) = request {
                failure.hint.get_or_insert_with(|| format!("the request failed: {request}: {detail}"));
            }
        }
        self.redact(failure);
    }

    fn redact(&self, failure: &mut Failure) {
        if let Some(access) = &self.access {
            failure.redact(access.redactor());
        }
    }

    /// Returns the messages that the guest has logged.
    pub(crate) fn logged(&self) -> Vec<LogEntry> {
        self.log.entries()
    }

    /// Returns the last line of this call that is not blank, of standard error or, without one, of standard output.
    pub(crate) fn last_line(&self) -> Option<String> {
        let last = |output: &GuestOutput| {
            output.text_of_call().lines().rev().map(str::trim).find(|line| !line.is_empty()).map(ToOwned::to_owned)
        };
        last(&self.stderr).or_else(|| last(&self.stdout))
    }
}
