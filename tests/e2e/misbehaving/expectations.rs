//! The guests, and the expected end of a run with each.

use stillbox::FailureKind::{BadOutput, Denied, Exit, GuestError, Memory, Panic, Parameters, Timeout, Trap};

use super::Ends::{Fails, Lost, Rejected, Succeeds};
use super::{Case, Ends};

const fn case(guest: &'static str, ends: Ends) -> Case {
    limited(guest, "", ends)
}

const fn limited(guest: &'static str, limits: &'static str, ends: Ends) -> Case {
    Case { guest, limits, ends }
}

/// A message of escape sequences and control characters.
const ESCAPES: &str = "message \u{1b}[2J\u{1b}[31m\u{9b}1A\u{202e}\u{2066}\r\u{7}\0\n  at: input.jsonl:1 (batch 0)\n\
                       ::error file=a::b\n  ::add-mask::c\n##[group]d ##vso[e]\n##teamcity[f]\nsection_start:1:g\r\u{1b}[0Kh end";

/// Guests that report an error before they end.
pub(super) const WORDS: &[Case] = &[
    case("panic", Fails(Panic, "no rule for the id 3")),
    case("panic_payload", Fails(Panic, "the panic payload is not a text")),
    case("panic_nested", Fails(Panic, "nothing for the id 3")),
    case("panic_in_panic", Fails(Trap, "thread panicked while processing panic. aborting.")),
    case("error", Fails(GuestError, "the row cannot be used")),
    case("abort", Fails(Trap, "giving up at id 3")),
    case("exit_0", Fails(Exit, "the step ended its instance with exit status 0")),
    // WASI 0.2 passes on only whether the status was 0.
    case("exit_3", Fails(Exit, "the step ended its instance with exit status 3")),
    case("long_log", Fails(Panic, "after a long line")),
    case("endless_words", Fails(GuestError, "no end of words")),
    case("escapes", Fails(GuestError, ESCAPES)),
    case("escapes_in_panic", Fails(Panic, ESCAPES)),
];

/// Guests that the sandbox stops.
pub(super) const TRAPS: &[Case] = &[
    case("unreachable", Fails(Trap, "wasm `unreachable` instruction executed")),
    case("out_of_bounds", Fails(Trap, "out of bounds memory access")),
    case("divide_by_zero", Fails(Panic, "attempt to divide by zero")),
    // The stack of Rust is at the bottom of the memory. It overflows before the stack of WebAssembly.
    case("stack_overflow", Fails(Trap, "out of bounds memory access")),
    // Address 0 lies in the guest's own memory.
    case("null_write", Fails(Panic, "the null pointer leads to 42")),
];

/// Guests that use more than they may.
pub(super) const LIMITS: &[Case] = &[
    limited("loop", "time = \"200ms\"", Fails(Timeout, "the step did not finish within 200ms")),
    limited("allocate", "time = \"200ms\"", Fails(Timeout, "the step did not finish within 200ms")),
    limited("sleep", "time = \"200ms\"", Fails(Timeout, "the step did not finish within 200ms")),
    limited("flood_stderr", "time = \"200ms\"", Fails(Timeout, "the step did not finish within 200ms")),
    limited("flood_log", "time = \"200ms\"", Fails(Timeout, "the step did not finish within 200ms")),
    limited("loop_in_finish", "time = \"200ms\"", Lost(Timeout, "the step did not finish within 200ms")),
    limited(
        "memory_steps",
        "memory = \"32MiB\"",
        Fails(Memory, "the step needed more than 32MiB: it requested 32.13MiB"),
    ),
    case("memory_at_once", Fails(Memory, "the step needed more than 256MiB: it requested 3076.07MiB")),
    limited("too_large", "output-bytes = \"1MiB\"", Fails(BadOutput, "the step passed too much data at once")),
    limited(
        "too_many_rows",
        "output-rows = 1000",
        Fails(BadOutput, "it returned 2000000 rows, but the limit is `output-rows = 1000`"),
    ),
];

/// Guests that return what the contract forbids.
pub(super) const CONTRACT: &[Case] = &[
    // The schema of the parameters is only shown, so an invalid one has no effect.
    case("odd_schema", Succeeds),
    case(
        "offsets_descend",
        Fails(BadOutput, "it returned the values of \"word\" with offsets that descend from 4 to 0 at row 1"),
    ),
    case("offsets_outside", Fails(BadOutput, "it returned the values of \"word\" with a last offset of 8 for 1 bytes")),
    case("invalid_utf8", Fails(BadOutput, "it returned the values of \"word\" with text that is not UTF-8 in row 1")),
    case(
        "invalid_json",
        Fails(
            BadOutput,
            "it returned the values of \"word\" with JSON that is not valid in row 1 (expected value at line 1 column 1)",
        ),
    ),
    case(
        "half_surrogate",
        Fails(
            BadOutput,
            "it returned the values of \"word\" with JSON that is not valid in row 1 (an escape is half of a surrogate pair)",
        ),
    ),
    case("wrong_column", Fails(BadOutput, "it returned the column \"extra\", which its signature does not have")),
    case("wrong_type", Fails(BadOutput, "it returned \"number\" as text, but its signature declares integer")),
    case("missing_column", Fails(BadOutput, "it returned no column \"word\", which its signature declares")),
    case("short_column", Fails(BadOutput, "it returned the values of \"number\" with 0 values for 2 rows")),
    case(
        "null_promised_away",
        Fails(BadOutput, "it returned a null in row 1 of \"number\", which its signature declares not nullable"),
    ),
    case("origins_outside", Fails(BadOutput, "it returned the origin 99 in a batch of 2 rows")),
    case("rejects_nothing", Fails(BadOutput, "it rejected row 99 in a batch of 2 rows")),
    case("escapes_in_columns", Fails(BadOutput, "it returned no column \"word\", which its signature declares")),
];

/// Guests that try to reach the host.
pub(super) const DENIED: &[Case] = &[
    case("socket", Fails(Denied, "Permission denied (os error 2)")),
    case("resolve", Fails(Denied, "Permission denied (os error 2)")),
    case("read_file", Fails(Denied, "No such file or directory (os error 44)")),
    // These exist, and are empty.
    case("environment", Fails(GuestError, "environment variable not found")),
    case("stdin", Fails(GuestError, "standard input gave 0 bytes and Ok(0)")),
    // No interface starts threads.
    case("thread", Fails(GuestError, "Not supported (os error 58)")),
];

/// Guests that fail before their first row.
pub(super) const PLANNING: &[Case] = &[
    case("long_name", Rejected(BadOutput, "the name in its manifest has 1000000 bytes, more than the 256 allowed")),
    case(
        "invalid_schema",
        Rejected(
            BadOutput,
            "the parameters in its manifest are not a JSON Schema: EOF while parsing a value at line 1 column 9",
        ),
    ),
    limited(
        "loop_in_manifest",
        "time = \"200ms\"",
        Rejected(Timeout, "took too long while loading; the limit is `time = 200ms`"),
    ),
    limited(
        "loop_in_bind",
        "time = \"200ms\"",
        Rejected(Timeout, "failed to bind its parameters (timeout): the step did not finish within 200ms"),
    ),
    limited(
        "loop_in_start",
        "time = \"200ms\"",
        Rejected(Timeout, "took too long while loading; the limit is `time = 200ms`"),
    ),
    case(
        "column_twice",
        Rejected(
            BadOutput,
            "failed to bind its parameters (bad-output): its signature names the column \"number\" twice among the outputs",
        ),
    ),
    case("refuse_parameters", Rejected(Parameters, "does not accept its parameters: these parameters will not do")),
    case("escapes_in_bind", Rejected(Parameters, "does not accept its parameters: message \\u{1b}[2J")),
];
