//! The reasons of dropped rows.

use std::cell::RefCell;
use std::fmt;

use crate::contract::stillbox::step::drops::DroppedRow;
use crate::output::Output;
use crate::panic;

/// The bytes of a reason that the host uses.
const MAX_REASON: usize = 256;
/// Bytes of the reasons that are passed to the host in one call. It accepts 4 MiB.
const MAX_CALL: usize = 1 << 20;
/// Bytes that a row takes in addition to its reason.
const ROW_BYTES: usize = 12;

/// A return type of a step that can drop a row: `bool`, [`Option`] or [`Vec`].
#[diagnostic::on_unimplemented(
    message = "a function that returns `{Self}` cannot drop a row",
    label = "drops no rows",
    note = "`drop!` returns from a function whose type is `Result<bool>`, or `Result` of an `Option` or `Vec` of a struct with \
            `#[derive(Output)]`; a step of a whole batch calls `Rows::drop_row`"
)]
pub trait DropsRows {
    /// Returns the value for a dropped row.
    fn dropped() -> Self;
}

impl DropsRows for bool {
    fn dropped() -> Self {
        false
    }
}

impl<O: Output> DropsRows for Option<O> {
    fn dropped() -> Self {
        None
    }
}

impl<O: Output> DropsRows for Vec<O> {
    fn dropped() -> Self {
        Self::new()
    }
}

thread_local! {
    static REASONS: RefCell<Reasons> = const { RefCell::new(Reasons::new()) };
}

/// The reasons of a batch that the host does not have yet.
struct Reasons {
    /// Whether the host records reasons. `None` before the first one of a batch.
    are_recorded: Option<bool>,
    rows: Vec<DroppedRow>,
    bytes: usize,
    /// Passes reasons to the host. `None` before the first reason: components that give none do not contain it.
    send: Option<fn(&[DroppedRow])>,
}

impl Reasons {
    const fn new() -> Self {
        Self { are_recorded: None, rows: Vec::new(), bytes: 0, send: None }
    }
}

/// Records the reason of the row that the step is processing. [`drop!`](crate::drop) calls it.
#[doc(hidden)]
pub fn note_current(reason: fmt::Arguments<'_>) {
    if let Some(row) = panic::row() {
        note(row, &reason);
    }
}

/// Records the reason of a row. It is not formatted if the host does not record it.
pub(crate) fn note(row: u32, reason: &dyn fmt::Display) {
    // A reason is formatted by code of the step, which may drop another row.
    if !REASONS.with_borrow_mut(|reasons| *reasons.are_recorded.get_or_insert_with(are_recorded)) {
        return;
    }
    let mut reason = reason.to_string();
    reason.truncate(reason.floor_char_boundary(MAX_REASON));
    let full = REASONS.with_borrow_mut(|reasons| {
        reasons.send = Some(send);
        reasons.bytes += reason.len() + ROW_BYTES;
        reasons.rows.push(DroppedRow { row, reason });
        reasons.bytes >= MAX_CALL
    });
    if full {
        flush();
    }
}

/// Starts a batch.
pub(crate) fn start() {
    REASONS.with_borrow_mut(|reasons| {
        reasons.are_recorded = None;
        reasons.rows.clear();
        reasons.bytes = 0;
    });
}

/// Passes the reasons so far to the host.
pub(crate) fn flush() {
    REASONS.with_borrow_mut(|reasons| {
        if let Some(send) = reasons.send
            && !reasons.rows.is_empty()
        {
            send(&reasons.rows);
            reasons.rows.clear();
            reasons.bytes = 0;
        }
    });
}

#[cfg(target_arch = "wasm32")]
fn are_recorded() -> bool {
    crate::contract::stillbox::step::drops::are_recorded()
}

#[cfg(target_arch = "wasm32")]
fn send(rows: &[DroppedRow]) {
    crate::contract::stillbox::step::drops::explain(rows);
}

#[cfg(not(target_arch = "wasm32"))]
fn are_recorded() -> bool {
    true
}

#[cfg(not(target_arch = "wasm32"))]
thread_local! {
    static SENT: RefCell<Vec<(u32, String)>> = const { RefCell::new(Vec::new()) };
}

/// Keeps the reasons for [`testing::drop_reasons`](crate::testing::drop_reasons).
#[cfg(not(target_arch = "wasm32"))]
fn send(rows: &[DroppedRow]) {
    SENT.with_borrow_mut(|sent| sent.extend(rows.iter().map(|row| (row.row, row.reason.clone()))));
}

/// Returns the reasons that a unit test has caused.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn take_sent() -> Vec<(u32, String)> {
    SENT.take()
}

/// Drops the row: returns from the function of a step with the value that drops the row, and gives the reason for it, with the
/// syntax of [`format!`].
///
/// The function returns `Result<bool>`, or a `Result` of an [`Option`] or a [`Vec`]. `[dropped]` in the pipeline file records
/// reasons; without it they are not even formatted. Reasons that differ in numbers and quoted texts only are counted together.
///
/// ```
/// use stillbox_sdk::{Input, Result, drop, step};
///
/// #[derive(Input)]
/// struct Row<'a> {
///     text: &'a str,
/// }
///
/// /// Drops texts of fewer than three words.
/// #[step]
/// fn keep_long(row: Row<'_>) -> Result<bool> {
///     let words = row.text.split_whitespace().count();
///     if words < 3 {
///         drop!("too short: {words} words");
///     }
///     Ok(true)
/// }
/// ```
#[macro_export]
macro_rules! drop {
    ($($reason:tt)+) => {{
        $crate::__private::note_drop(::std::format_args!($($reason)+));
        return ::std::result::Result::Ok($crate::__private::DropsRows::dropped());
    }};
}
