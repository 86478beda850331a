//! The contract in Rust, made from the WIT.
#![expect(missing_docs, clippy::pedantic, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../guest-sdk/wit",
    world: "step",
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
});

pub use exports::stillbox::step::guest;
pub use stillbox::step::{log, types};
