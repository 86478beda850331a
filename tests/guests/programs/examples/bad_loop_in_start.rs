//! Never gets past its own beginning.
#![cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "a constructor is a matter of the linker"))]

use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {}

export!(Guest);

#[cfg_attr(target_arch = "wasm32", unsafe(link_section = ".init_array"))]
#[used]
static AT_THE_BEGINNING: extern "C" fn() = spin;

extern "C" fn spin() {
    loop {
        std::hint::spin_loop();
    }
}
