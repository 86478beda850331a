//! Idle instances for steps with `instance = "worker"`.

use parking_lot::Mutex;

use crate::call::StepInstance;

/// Bound instances that can process another batch, by step. There are at most as many per step as threads.
#[derive(Default)]
pub(crate) struct Workers {
    idle: Mutex<Vec<(usize, StepInstance)>>,
}

impl Workers {
    /// Takes an idle instance of a step, if there is one.
    pub(super) fn take(&self, step: usize) -> Option<StepInstance> {
        let mut idle = self.idle.lock();
        let at = idle.iter().rposition(|(of, _)| *of == step)?;
        Some(idle.swap_remove(at).1)
    }

    /// Adds an instance whose last call succeeded.
    pub(super) fn give(&self, step: usize, instance: StepInstance) {
        self.idle.lock().push((step, instance));
    }
}
