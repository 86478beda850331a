//! The types of the contract, generated from `wit/step.wit`.
//!
//! Authors of steps need them only for unit tests with [`testing`](crate::testing).

#[expect(missing_docs, clippy::same_length_and_capacity, reason = "wit-bindgen generates the bindings")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "step-with-models",
        pub_export_macro: true,
        export_macro_name: "export_step",
        default_bindings_module: "stillbox_sdk::contract",
        generate_all,
    });
}

pub use bindings::stillbox::step::types::*;
pub use bindings::*;
