//! Settings for a pipeline whose file nobody vouches for.

use std::time::Duration;

use super::location::{ConfigLocation, Located};
use super::{AllowTable, Config, SecretsTable};
use crate::limits::LimitSettings;

/// The longest run, if the file sets no shorter one.
const RUN_TIME: Duration = Duration::from_mins(10);

/// The largest limits. A step in Python needs about 50 MiB, and a batch of a thousand rows some MiB.
const LIMITS: LimitSettings = LimitSettings {
    memory: Some(128 << 20),
    time: Some(Duration::from_secs(10)),
    fuel: None,
    output_rows: Some(1_000_000),
    output_bytes: Some(64 << 20),
    log_bytes: Some(16 << 10),
    compile_time: Some(Duration::from_mins(2)),
    compile_memory: Some(1 << 30),
};

impl Config {
    /// Removes all grants, models and secrets, and lowers limits.
    pub(crate) fn untrusted(mut self) -> Self {
        for step in &mut self.steps {
            step.allow = AllowTable::default();
            step.models = Vec::new();
            step.limits.value = lowered(&self.pipeline.limits.value, &step.limits.value);
        }
        self.secrets = SecretsTable::default();
        self.models = Vec::new();
        self.is_untrusted = true;
        let time = self.pipeline.time.as_ref().map_or(RUN_TIME, |time| time.value.min(RUN_TIME));
        self.pipeline.time = Some(Located::new(time, ConfigLocation::Argument("--untrusted".into())));
        self
    }
}

/// The limits of a step: its own, or else those of the pipeline, but none larger than those for untrusted pipelines.
fn lowered(pipeline: &LimitSettings, step: &LimitSettings) -> LimitSettings {
    fn least<T: Ord + Copy>(step: Option<T>, pipeline: Option<T>, most: Option<T>) -> Option<T> {
        step.or(pipeline).into_iter().chain(most).min()
    }
    LimitSettings {
        memory: least(step.memory, pipeline.memory, LIMITS.memory),
        time: least(step.time, pipeline.time, LIMITS.time),
        fuel: least(step.fuel, pipeline.fuel, LIMITS.fuel),
        output_rows: least(step.output_rows, pipeline.output_rows, LIMITS.output_rows),
        output_bytes: least(step.output_bytes, pipeline.output_bytes, LIMITS.output_bytes),
        log_bytes: least(step.log_bytes, pipeline.log_bytes, LIMITS.log_bytes),
        compile_time: least(step.compile_time, pipeline.compile_time, LIMITS.compile_time),
        compile_memory: least(step.compile_memory, pipeline.compile_memory, LIMITS.compile_memory),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_lowered_and_never_raised() {
        let small = LimitSettings { memory: Some(1 << 20), ..LimitSettings::default() };
        let large =
            LimitSettings { memory: Some(4 << 30), time: Some(Duration::from_hours(1)), ..LimitSettings::default() };
        assert_eq!(lowered(&LimitSettings::default(), &LimitSettings::default()), LIMITS);
        assert_eq!(lowered(&large, &LimitSettings::default()), LIMITS);
        assert_eq!(lowered(&large, &small).memory, Some(1 << 20));
        assert_eq!(lowered(&small, &LimitSettings::default()).memory, Some(1 << 20));
    }
}
