//! Hints for failures whose cause is that a sandbox has no threads, processes or environment, or a small stack.

use wasmtime::Trap;

use crate::failure::Failure;
use crate::stack::Frame;

/// How often a function is on the stack for the recursion to be the likely cause.
const DEEP: usize = 16;

/// Returns a hint for a failure that has none, from the words of the standard library of Rust or of C in its message and causes.
pub(super) fn unsupported(failure: &Failure) -> Option<&'static str> {
    let texts = || [&failure.message].into_iter().chain(&failure.causes);
    let has = |parts: &[&str]| texts().any(|text| parts.iter().any(|part| text.contains(part)));
    if has(&[
        "failed to spawn thread",
        "operation not supported on this platform",
        "kind: Unsupported",
        "(os error 58)",
    ]) {
        Some("a step has no threads, processes and sockets: Stillbox runs several batches at once instead")
    } else if has(&["Err` value: NotPresent", "environment variable not found"]) {
        Some(
            "a step sees no variable of the environment: use a parameter, or grant the variable with `[step.allow.env]`",
        )
    } else {
        None
    }
}

/// Returns a hint for a trap with this stack, if the recursion was too deep. In Rust and C, too deep a recursion overwrites memory
/// or leaves it before the stack of the host is full.
pub(super) fn recursion(trap: Trap, backtrace: &[Frame]) -> Option<&'static str> {
    let deepest = || backtrace.chunk_by(|one, other| one.function == other.function).map(<[Frame]>::len).max();
    let is_likely = match trap {
        Trap::StackOverflow => true,
        Trap::MemoryOutOfBounds => deepest().is_some_and(|frames| frames >= DEEP),
        _ => false,
    };
    is_likely.then_some("the recursion of the step is too deep for its stack; use a loop, or limit the depth")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;

    #[test]
    fn words_of_the_standard_library_have_a_hint() {
        let hint = |message: &str| unsupported(&Failure::new(FailureKind::Panic, message));
        assert!(
            hint("failed to spawn thread: Os { code: 58, kind: Unsupported }")
                .is_some_and(|hint| hint.contains("threads"))
        );
        assert!(
            hint("called `Result::unwrap()` on an `Err` value: NotPresent")
                .is_some_and(|hint| hint.contains("parameter"))
        );
        assert_eq!(hint("the column is NotPresent"), None);
        let mut failure = Failure::new(FailureKind::GuestError, "cannot read HOME");
        failure.causes.push("environment variable not found".into());
        assert!(unsupported(&failure).is_some());
    }

    #[test]
    fn many_frames_of_one_function_are_a_deep_recursion() {
        let frame = |function: &str| Frame { function: function.into(), location: None };
        let frames = |count: usize| vec![frame("recurse"); count];
        assert!(recursion(Trap::MemoryOutOfBounds, &frames(DEEP)).is_some());
        assert_eq!(recursion(Trap::MemoryOutOfBounds, &frames(DEEP - 1)), None);
        assert!(recursion(Trap::StackOverflow, &[]).is_some());
        assert_eq!(recursion(Trap::UnreachableCodeReached, &frames(DEEP)), None);
    }
}
