//! The contract in Rust, generated from the WIT.

wasmtime::component::bindgen!({
    path: "wit",
    world: "step",
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
});

pub(crate) use self::stillbox::step::{log, types};
pub(crate) use exports::stillbox::step::guest;

/// The interface that a step exports.
pub(crate) const GUEST: &str = "stillbox:step/guest@0.1.0";
