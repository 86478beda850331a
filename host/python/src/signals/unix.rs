//! The signal handlers of Unix systems.
#![expect(unsafe_code, reason = "`sigaction` has no safe wrapper")]

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use libc::{SA_SIGINFO, SIG_DFL, SIG_IGN, SIGFPE, SIGILL, SIGINT, SIGSEGV, c_int, sigaction, siginfo_t};

/// The signals by which traps of guests are noticed.
const TRAPS: [c_int; 3] = [SIGSEGV, SIGILL, SIGFPE];

/// The handlers of these signals at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TrapHandlers([usize; 3]);

impl TrapHandlers {
    /// Returns the handlers of now.
    pub(crate) fn now() -> Self {
        Self(TRAPS.map(|signal| action(signal).sa_sigaction))
    }
}

/// How often SIGINT has arrived since [`count_interrupts`] was first called.
static INTERRUPTS: AtomicU64 = AtomicU64::new(0);
/// The handler of Python, and its flags; 0 if it is not known.
static PYTHON_HANDLER: AtomicUsize = AtomicUsize::new(0);
static PYTHON_FLAGS: AtomicUsize = AtomicUsize::new(0);

/// Notes the handler of Python for SIGINT. Called when the module is imported, before another library may replace it.
pub(crate) fn note_python_handler() {
    let now = action(SIGINT);
    if ![SIG_DFL, SIG_IGN].contains(&now.sa_sigaction) {
        PYTHON_FLAGS.store(now.sa_flags as usize, Ordering::Release);
        PYTHON_HANDLER.store(now.sa_sigaction, Ordering::Release);
    }
}

/// Counts SIGINT from now on, and returns the number so far. Python notices the signal on its main thread only, so a call on
/// another thread needs the number.
///
/// The handler of Python is called as before. Any other handler stays as it is, because it may call this one, and then nothing is
/// counted.
pub(crate) fn count_interrupts() -> u64 {
    let mut now = action(SIGINT);
    if now.sa_sigaction != 0 && now.sa_sigaction == PYTHON_HANDLER.load(Ordering::Acquire) {
        now.sa_sigaction = on_interrupt as *const () as usize;
        now.sa_flags |= SA_SIGINFO;
        // SAFETY: the handler has the form that SA_SIGINFO asks for, and does what is allowed in one.
        unsafe {
            libc::sigaction(SIGINT, &raw const now, ptr::null_mut());
        }
    }
    interrupts()
}

/// Returns how often SIGINT has arrived.
pub(crate) fn interrupts() -> u64 {
    INTERRUPTS.load(Ordering::Acquire)
}

extern "C" fn on_interrupt(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    INTERRUPTS.fetch_add(1, Ordering::AcqRel);
    let handler = PYTHON_HANDLER.load(Ordering::Acquire);
    let has_info = PYTHON_FLAGS.load(Ordering::Acquire) & SA_SIGINFO as usize != 0;
    // SAFETY: the handler was installed with these flags, so it has this form.
    unsafe {
        if has_info {
            std::mem::transmute::<usize, extern "C" fn(c_int, *mut siginfo_t, *mut c_void)>(handler)(
                signal, info, context,
            );
        } else {
            std::mem::transmute::<usize, extern "C" fn(c_int)>(handler)(signal);
        }
    }
}

/// Returns what the process does at a signal.
fn action(signal: c_int) -> sigaction {
    let mut action = MaybeUninit::<sigaction>::zeroed();
    // SAFETY: without a new action the call only writes the current one, for which there is room. All bits zero are a valid
    // action, if it writes nothing.
    unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    }
}
