//! The guests and what comes of each.

use stillbox::FailureKind::{BadOutput, Denied, Exit, GuestError, Memory, Panic, Timeout, Trap};

use super::Ends::{Fails, Refused, Well};
use super::Row::{Named, Unnamed};
use super::{Case, Ends};

const fn case(guest: &'static str, ends: Ends) -> Case {
    limited(guest, "", ends)
}

const fn limited(guest: &'static str, limits: &'static str, ends: Ends) -> Case {
    Case { guest, limits, ends }
}

/// Guests that say what is wrong before they end.
pub(super) const WORDS: &[Case] = &[
    case("panic", Fails(Panic, "no rule for the id 3", Named)),
    case("panic_payload", Fails(Panic, "the panic carries a value that is not text", Named)),
    case("panic_nested", Fails(Panic, "nothing for the id 3", Named)),
    case("panic_in_panic", Fails(Trap, "?", Unnamed)),
    case("error", Fails(GuestError, "the row cannot be used", Named)),
    case("abort", Fails(Trap, "giving up at id 3", Unnamed)),
    case("exit_0", Fails(Exit, "the step ended its instance with exit status 0", Unnamed)),
    case("exit_3", Fails(Exit, "the step ended its instance with exit status 3", Unnamed)),
    case("long_log", Fails(Panic, "after a long line", Named)),
    case("escapes", Fails(GuestError, "?", Unnamed)),
];

/// Guests that the sandbox stops.
pub(super) const TRAPS: &[Case] = &[
    case("unreachable", Fails(Trap, "wasm `unreachable` instruction executed", Unnamed)),
    case("out_of_bounds", Fails(Trap, "out of bounds memory access", Unnamed)),
    case("divide_by_zero", Fails(Panic, "attempt to divide by zero", Named)),
    case("stack_overflow", Fails(Trap, "call stack exhausted", Unnamed)),
    // Address 0 lies in the guest's own memory.
    case("null_write", Well),
];

/// Guests that use more than they may.
pub(super) const LIMITS: &[Case] = &[
    limited("loop", "time = \"200ms\"", Fails(Timeout, "the step did not finish within 200ms", Unnamed)),
    limited("sleep", "time = \"200ms\"", Fails(Timeout, "the step did not finish within 200ms", Unnamed)),
    limited("flood_stderr", "time = \"200ms\"", Fails(Timeout, "the step did not finish within 200ms", Unnamed)),
    limited("flood_log", "time = \"200ms\"", Fails(Timeout, "the step did not finish within 200ms", Unnamed)),
    limited("memory_steps", "memory = \"32MiB\"", Fails(Memory, "?", Unnamed)),
    case("memory_at_once", Fails(Memory, "?", Named)),
    limited("too_large", "output-bytes = \"1MiB\"", Fails(BadOutput, "?", Unnamed)),
    limited("too_many_rows", "output-rows = 1000", Fails(BadOutput, "?", Unnamed)),
];

/// Guests that return what the contract forbids.
pub(super) const CONTRACT: &[Case] = &[
    case("offsets_descend", Fails(BadOutput, "?", Unnamed)),
    case("offsets_outside", Fails(BadOutput, "?", Unnamed)),
    case("invalid_utf8", Fails(BadOutput, "?", Unnamed)),
    case("invalid_json", Fails(BadOutput, "?", Unnamed)),
    case("wrong_column", Fails(BadOutput, "?", Unnamed)),
    case("wrong_type", Fails(BadOutput, "?", Unnamed)),
    case("missing_column", Fails(BadOutput, "?", Unnamed)),
    case("short_column", Fails(BadOutput, "?", Unnamed)),
    case("null_promised_away", Fails(BadOutput, "?", Unnamed)),
    case("origins_outside", Fails(BadOutput, "?", Unnamed)),
    case("rejects_nothing", Fails(BadOutput, "?", Unnamed)),
    case("escapes_in_columns", Fails(BadOutput, "?", Unnamed)),
];

/// Guests that try to reach the host.
pub(super) const DENIED: &[Case] = &[
    case("socket", Fails(Denied, "?", Named)),
    case("resolve", Fails(Denied, "?", Named)),
    case("read_file", Fails(Denied, "?", Named)),
    // These are there, and empty.
    case("environment", Fails(GuestError, "?", Named)),
    case("stdin", Fails(GuestError, "?", Named)),
    // No thread can be started, for want of an interface that does it.
    case("thread", Fails(GuestError, "?", Named)),
];

/// Guests that do not get as far as a row.
pub(super) const PLANNING: &[Case] = &[
    case("long_name", Refused("?")),
    case("invalid_schema", Refused("?")),
    limited("loop_in_manifest", "time = \"200ms\"", Refused("?")),
    limited("loop_in_bind", "time = \"200ms\"", Refused("?")),
    limited("loop_in_start", "time = \"200ms\"", Refused("?")),
    case("column_twice", Refused("?")),
    case("refuse_parameters", Refused("?")),
    case("loop_in_finish", Refused("only steps of kind transform can be run")),
];
