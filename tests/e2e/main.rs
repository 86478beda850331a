//! The command from the outside: real files, real components, real exit codes.

mod arguments;
mod benchmark;
mod cache;
mod command;
mod components;
mod configuration;
mod data_types;
mod folders;
mod formats;
mod forms;
mod graph;
mod input;
mod interruption;
mod isolation;
mod library;
mod misbehaving;
mod output;
mod values;
