//! From the pipeline file to the plan.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use super::error::{failed, not_set_up};
use super::options::RunOptions;
use super::{Pipeline, RunError};
use crate::config::instance::InstanceLife;
use crate::config::{Config, StepTable};
use crate::engine::{Fuel, Resident, StagedFolders};
use crate::failure::Failure;
use crate::interrupt::Stop;
use crate::model_client::Journal;
use crate::panics::caught;
use crate::plan::{Plan, PlanContext, PlanError};
use crate::runtime::{Engine, Reservation};

/// A plan, and the room for its instances.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) reservation: Reservation,
}

impl Pipeline {
    /// Makes the plan. If a component does not fit into a pool of instances, all steps allocate on demand.
    /// Without `staged` no folder is written to.
    pub(super) fn plan(
        &self,
        engine: &Engine,
        options: &RunOptions,
        staged: Option<&StagedFolders>,
        journal: &Journal,
    ) -> Result<Planned, RunError> {
        let config = self.with_downloads(engine, options)?;
        let (instances, fuel) = (instances(engine, &config), fuel(&config));
        let resident = Resident::for_components(config.steps.iter().map(|step| step.component.path()));
        let reservation = engine.reserve(instances, fuel, resident)?;
        let loader = Arc::clone(reservation.loader());
        match self.plan_in(&config, (engine, reservation), options, staged.cloned(), journal) {
            Err(_) if loader.has_misfit() && options.interrupt.reason().is_none() => {
                // The steps get folders of their own again.
                if let Some(staged) = staged {
                    staged.clear();
                }
                let reservation = engine.reserve_on_demand(instances, fuel)?;
                self.plan_in(&config, (engine, reservation), options, staged.cloned(), journal)
            }
            result => result,
        }
    }

    /// Makes the plan on a thread of its own, so that a cancel ends the wait for a compiler, or for an input that does
    /// not come. Without `staged` no folder is written to.
    fn plan_in(
        &self,
        config: &Arc<Config>,
        (engine, reservation): (&Engine, Reservation),
        options: &RunOptions,
        staged: Option<StagedFolders>,
        journal: &Journal,
    ) -> Result<Planned, RunError> {
        let engine_of_guests = reservation.loader().sandbox().engine();
        let stop = Stop::on_monitored(&options.interrupt, engine_of_guests, &options.monitor);
        let (answer, answers) = channel();
        options.interrupt.on_trigger({
            let answer = answer.clone();
            move |reason| {
                let _ = answer.send(Err(PlanError::Cancelled(reason)));
            }
        });
        let config = Arc::clone(config);
        let context = PlanContext {
            loader: Arc::clone(reservation.loader()),
            stop,
            interrupt: options.interrupt.clone(),
            on_event: options.listener(),
            no_build: options.no_build,
            build_profile: options.build_profile,
            locked: options.locked.as_ref().map(|lock| Arc::new(lock.steps(&self.config.file))),
            cleanup: options.cleanup.clone(),
            replacements: options.replacements.clone(),
            policy: self.policy.clone(),
            staged,
            name_servers: engine.name_servers().to_vec(),
            responses: engine.result_cache().responses(&options.cleanup),
            journal: journal.clone(),
            estimates: options.estimates.clone(),
        };
        let planner = thread::Builder::new().name("planner".into()).spawn(move || {
            let plan = caught(|| Plan::new(&config, &context));
            let plan = plan.unwrap_or_else(|panic| Err(PlanError::Host(Box::new(Failure::from_panic(&*panic)))));
            let _ = answer.send(plan);
        });
        planner.map_err(|error| not_set_up(&error))?;
        // The planner sends one answer even if it panics, so the channel does not close before.
        let plan = answers.recv().expect("the planner answers");
        let plan = plan.map_err(|error| match error {
            PlanError::Diagnostics(diagnostics) => RunError::Config(diagnostics),
            PlanError::Input(error) => failed(error.to_failure()),
            PlanError::Host(failure) => failed(*failure),
            PlanError::Cancelled(reason) => {
                RunError::Interrupted { reason, failures: Vec::new(), report: Box::default() }
            }
        })?;
        Ok(Planned { plan, reservation })
    }
}

/// The number of instances at a time: one for each thread, and one for each that is being dropped. Each step may have one that
/// lives on, or one for each thread.
fn instances(engine: &Engine, config: &Config) -> u32 {
    let threads = engine.threads() as u32;
    let is_reused = |step: &StepTable| step.instance.as_ref().is_some_and(|life| life.value == InstanceLife::Worker);
    let workers = config.steps.iter().filter(|step| is_reused(step)).count() as u32;
    threads * (2 + workers) + config.steps.len() as u32
}

fn fuel(config: &Config) -> Fuel {
    let has_fuel = config.pipeline.limits.fuel.is_some() || config.steps.iter().any(|step| step.limits.fuel.is_some());
    if has_fuel { Fuel::On } else { Fuel::Off }
}
