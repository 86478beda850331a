//! Instances that are used again, for steps with `instance = "worker"`.

use parking_lot::Mutex;

use crate::call::StepInstance;

/// Bound instances that wait for their next batch, by step. There are never more of one step than threads.
#[derive(Default)]
pub(crate) struct Workers {
    idle: Mutex<Vec<(usize, StepInstance)>>,
}

impl Workers {
    /// An instance of a step, if one waits.
    pub(super) fn take(&self, step: usize) -> Option<StepInstance> {
        let mut idle = self.idle.lock();
        let at = idle.iter().rposition(|(of, _)| *of == step)?;
        Some(idle.swap_remove(at).1)
    }

    /// Keeps an instance whose last call did what it was to do.
    pub(super) fn give(&self, step: usize, instance: StepInstance) {
        self.idle.lock().push((step, instance));
    }
}
