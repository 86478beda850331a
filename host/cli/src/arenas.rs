//! How threads share the allocator of the C library.

/// More arenas than any run has threads.
#[cfg(target_env = "gnu")]
const ENOUGH: i32 = 1 << 16;

/// Gives each thread an arena of the allocator for itself, as it otherwise has up to eight threads for each core. To be
/// called before there are threads.
///
/// Where threads share an arena, one that has no turn, or waits for the memory of the process to be changed, can hold its
/// lock: the thread that ends a run with 64 guests on two cores waited 40 ms for it.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "no crate that is kept offers this call")]
pub(crate) fn one_for_each_thread() {
    // SAFETY: it takes two numbers, and is refused where they mean nothing.
    if unsafe { libc::mallopt(libc::M_ARENA_MAX, ENOUGH) } == 0 {
        tracing::debug!("threads share the arenas of the allocator");
    }
}

/// Other allocators see to this themselves.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn one_for_each_thread() {}
