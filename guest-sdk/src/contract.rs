//! The contract's own types, made of `wit/step.wit`.
//!
//! A step's author has no need of them, beside [`testing`](crate::testing).

#[expect(missing_docs, clippy::same_length_and_capacity, reason = "the bindings are what wit-bindgen makes them")]
mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "step",
        pub_export_macro: true,
        export_macro_name: "export_step",
        default_bindings_module: "stillbox_sdk::contract",
        generate_all,
    });
}

pub use bindings::stillbox::step::types::*;
pub use bindings::*;
