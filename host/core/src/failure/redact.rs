//! Removes secrets from a failure.

use super::record::Failure;
use crate::grants::Redactor;

impl Failure {
    /// Replaces every secret in the texts of the failure.
    pub(crate) fn redact(&mut self, redactor: &Redactor) {
        if redactor.is_empty() {
            return;
        }
        // A new field is either listed here or ignored on purpose.
        let Self { message, causes, location, backtrace, trace, stderr, stdout, log, hint, code, .. } = self;
        let frames = backtrace.iter_mut();
        let frames =
            frames.flat_map(|frame| [Some(&mut frame.function), frame.location.as_mut().map(|at| &mut at.file)]);
        let texts = [Some(message), Some(stderr), Some(stdout), hint.as_mut(), code.as_mut()];
        let texts = texts.into_iter().chain([location.as_mut().map(|at| &mut at.file)]).chain(frames).flatten();
        let lists = causes.iter_mut().chain(trace).chain(log.iter_mut().map(|entry| &mut entry.message));
        texts.chain(lists).for_each(|text| redactor.redact_in_place(text));
    }
}
