//! The step's log: the host keeps the last of it, and shows it when the step fails.
//!
//! ```
//! use stillbox_sdk::log;
//!
//! let word = "stillbox";
//! log::info!("the longest word is {word}");
//! ```
//!
//! In native tests the messages go to standard error.

use std::fmt::Arguments;

/// How much a message matters.
pub use crate::contract::stillbox::step::log::Level;
#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_trace as trace, __log_warn as warn,
};

/// Writes a message. The macros are shorter.
pub fn write(level: Level, message: Arguments<'_>) {
    #[cfg(target_arch = "wasm32")]
    match message.as_str() {
        Some(text) => crate::contract::stillbox::step::log::write(level, text),
        None => crate::contract::stillbox::step::log::write(level, &message.to_string()),
    }
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// Logs details of the working.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_trace {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Trace, ::std::format_args!($($message)+)) };
}

/// Logs what is of use while looking for a fault.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Debug, ::std::format_args!($($message)+)) };
}

/// Logs what is worth knowing.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Info, ::std::format_args!($($message)+)) };
}

/// Logs something odd that the step can live with.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Warn, ::std::format_args!($($message)+)) };
}

/// Logs what failed.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($message:tt)+) => { $crate::log::write($crate::log::Level::Error, ::std::format_args!($($message)+)) };
}
