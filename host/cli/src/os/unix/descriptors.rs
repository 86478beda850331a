//! The number of open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most descriptors that are asked for. macOS refuses more.
const MAX_DESCRIPTORS: u64 = 10_240;

/// Raises the limit on open files as far as the user may. The usual one of 1,024 is for programs with `select`, and files and
/// connections of steps count as well: otherwise a step that leaks them would keep the run from opening its own files.
pub(crate) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(MAX_DESCRIPTORS, |maximum| maximum.min(MAX_DESCRIPTORS));
    if limit.current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit })
    {
        tracing::debug!("the limit on open files stays as it is: {error}");
    }
}
