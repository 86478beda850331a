//! The command from the outside: real files, real components, real exit codes.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail as the test itself may")]
#![expect(clippy::format_collect, reason = "inputs are small, and `format!` shows what they look like")]

mod arguments;
mod author;
mod benchmark;
mod cache;
mod cases;
mod command;
mod components;
mod configuration;
mod data_types;
mod events;
mod folders;
mod formats;
mod forms;
mod graph;
mod help;
mod input;
mod interruption;
mod isolation;
mod kept;
mod library;
mod limits;
mod misbehaving;
mod output;
mod policies;
mod python;
mod recorded;
mod resume;
mod schema;
mod siblings;
mod steps;
mod unread;
mod values;
