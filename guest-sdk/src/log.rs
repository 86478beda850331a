//! The step's log. The host shows the last messages if the step fails.
//!
//! ```
//! use stillbox_sdk::log;
//!
//! let word = "stillbox";
//! log::info!("the longest word is {word}");
//! ```
//!
//! A message is cut after 1 MiB. In native tests the messages go to standard error.

use std::fmt::Arguments;

/// The severity of a message.
pub use crate::contract::stillbox::step::log::Level;
#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace, __log_warn as warn,
};

/// Writes a message. The macros of this module call it.
pub fn write(level: Level, message: Arguments<'_>) {
    #[cfg(target_arch = "wasm32")]
    match message.as_str() {
        Some(text) => crate::contract::stillbox::step::log::write(level, cut(text)),
        None => crate::contract::stillbox::step::log::write(level, cut(&message.to_string())),
    }
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// The most bytes of a message. The host accepts 4 MiB in one call.
const MAX_MESSAGE: usize = 1 << 20;

/// Returns the start of a message, up to the maximum.
#[cfg_attr(not(any(test, target_arch = "wasm32")), expect(dead_code, reason = "only a component calls the host"))]
pub(crate) fn cut(message: &str) -> &str {
    &message[..message.floor_char_boundary(MAX_MESSAGE)]
}

/// Logs internal details.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Trace, ::std::format_args!($($message)+)) };
}

/// Logs information for debugging.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Debug, ::std::format_args!($($message)+)) };
}

/// Logs general information.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Info, ::std::format_args!($($message)+)) };
}

/// Logs an unexpected condition that the step can handle.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Warn, ::std::format_args!($($message)+)) };
}

/// Logs a failure.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Error, ::std::format_args!($($message)+)) };
}

#[cfg(test)]
mod tests {
    use super::{MAX_MESSAGE, cut};

    #[test]
    fn a_long_message_is_cut_between_two_characters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&format!("a{}", "é".repeat(MAX_MESSAGE))).len(), MAX_MESSAGE - 1);
    }
}
