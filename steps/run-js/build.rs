//! Enlarges the stack of the component.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The engine's parser takes about 18 KiB for each bracket within brackets. Memory that is not touched costs nothing.
    println!("cargo::rustc-cdylib-link-arg=-zstack-size=16777216");
}
