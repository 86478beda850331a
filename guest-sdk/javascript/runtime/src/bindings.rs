//! The contract, generated from `guest-sdk/wit`.

wit_bindgen::generate!({
    path: "../../wit",
    world: "stillbox:step/step-with-source",
    generate_all,
});
