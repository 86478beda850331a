//! Loops forever while the instance is created.
#![cfg_attr(target_arch = "wasm32", expect(unsafe_code, reason = "a constructor needs `link_section`"))]

use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {}

export!(Guest);

#[cfg_attr(target_arch = "wasm32", unsafe(link_section = ".init_array"))]
#[used]
static CONSTRUCTOR: extern "C" fn() = spin;

extern "C" fn spin() {
    loop {
        std::hint::spin_loop();
    }
}
