//! The contract, generated from `guest-sdk/wit` and `guest-sdk/javascript/wit`.

wit_bindgen::generate!({
    path: ["../../wit", "../wit"],
    world: "stillbox:interpreter/interpreted-step",
    generate_all,
});
