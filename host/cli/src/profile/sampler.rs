//! The thread that takes samples.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use stillbox::{Monitor, SpanKind};

use super::{ProfileSettings, Stacks};

/// The time between two samples. Each sample interrupts every guest for some microseconds.
pub(super) const EVERY: Duration = Duration::from_millis(10);

/// Takes samples from its start until it is finished.
pub(crate) struct Sampler {
    settings: ProfileSettings,
    shared: Arc<SamplerState>,
    thread: Option<JoinHandle<Stacks>>,
}

#[derive(Default)]
struct SamplerState {
    is_over: Mutex<bool>,
    changed: Condvar,
}

impl Sampler {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub(crate) fn start(settings: &ProfileSettings, monitor: &Monitor) -> std::io::Result<Self> {
        let shared = Arc::new(SamplerState::default());
        let sample = {
            let (shared, monitor, step) = (Arc::clone(&shared), monitor.clone(), settings.step.clone());
            move || sample(&shared, &monitor, step.as_deref())
        };
        let thread = thread::Builder::new().name("profiler".into()).spawn(sample)?;
        Ok(Self { settings: settings.clone(), shared, thread: Some(thread) })
    }

    /// Ends the sampling, and writes the profile. Returns the errors.
    pub(crate) fn finish(mut self, pipeline: &str) -> Vec<anyhow::Error> {
        self.stop().map_or_else(Vec::new, |stacks| self.settings.write(pipeline, &stacks))
    }

    fn stop(&mut self) -> Option<Stacks> {
        *self.shared.is_over.lock() = true;
        self.shared.changed.notify_one();
        self.thread.take()?.join().ok()
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop();
    }
}

fn sample(shared: &SamplerState, monitor: &Monitor, step: Option<&str>) -> Stacks {
    let (start, mut stacks) = (Instant::now(), Stacks::default());
    let mut next = start;
    let mut is_over = shared.is_over.lock();
    while !*is_over {
        drop(is_over);
        let at = start.elapsed();
        for activity in monitor.sample().threads {
            let is_wanted = step.is_none_or(|step| activity.step.as_deref() == Some(step));
            if activity.kind == SpanKind::Call && is_wanted {
                stacks.add(at, &activity);
            }
        }
        // Samples that a slow one has delayed are left out.
        next = (next + EVERY).max(Instant::now());
        is_over = shared.is_over.lock();
        if !*is_over {
            shared.changed.wait_until(&mut is_over, next);
        }
    }
    stacks
}
