//! Enlarges the stack of the component.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // As in `run-js`: the engine's parser takes about 18 KiB for each bracket within brackets.
    println!("cargo::rustc-cdylib-link-arg=-zstack-size=16777216");
}
