//! `stillbox profile`.

use std::time::Duration;

use stillbox::Overrides;

use super::run::{self, Control, RunSettings};
use crate::args::{Global, Profile};
use crate::exit_code::Exit;
use crate::output::render;
use crate::profile::ProfileSettings;
use crate::signals::Signals;

/// Runs the pipeline, samples the stacks of its steps, and writes the profile.
pub(crate) fn execute(arguments: &Profile, global: &Global, signals: &Signals) -> Exit {
    let pipeline = match run::load(&arguments.changes, Overrides::new()) {
        Ok(pipeline) => pipeline,
        Err(error) => return run::report_wrong(&error),
    };
    if let Some(step) = &arguments.step
        && !pipeline.step_names().iter().any(|name| **name == **step)
    {
        let names = pipeline.step_names().join(", ");
        render::message(&format!("the pipeline has no step `{step}`; its steps are: {names}"));
        return Exit::Usage;
    }
    let Profile { step, svg, json, .. } = arguments;
    let profile = ProfileSettings { step: step.clone(), svg: svg.clone(), json: json.clone() };
    let settings = RunSettings {
        threads: arguments.threads,
        progress: arguments.progress,
        profile: Some(profile),
        no_build: arguments.changes.no_build,
        ..RunSettings::default()
    };
    let control = Control {
        interrupt: signals.interrupt_within(Duration::ZERO),
        cleanup: signals.cleanup(),
        snapshots: signals.snapshots(),
        last_call: Some(signals.last_call()),
    };
    run::drive(&pipeline, &settings, global, control)
}
