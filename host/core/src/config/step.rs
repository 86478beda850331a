//! `[[step]]`: one step of the pipeline.

use super::batch_rows;
use super::check::Check;
use super::combine::{self, Combine};
use super::from::{self, FromTable};
use super::instance::{self, InstanceLife, Keeping};
use super::limits;
use super::location::{self, Location};
use super::name::read_node_name;
use super::names::{self, Names};
use super::on_failure;
use super::parameters::{self, Parameters};
use super::place::{Place, Placed};
use super::projection::{self, ProjectionTable};
use super::route::{self, RouteTable};
use super::table::Table;
use crate::limits::LimitSettings;
use crate::policy::OnFailure;

/// A table `[[step]]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepTable {
    /// The table's header.
    pub(crate) place: Place,
    /// What the step is called in this pipeline.
    pub(crate) name: Placed<String>,
    /// The compiled step, or the folder of its crate.
    pub(crate) component: Placed<Location>,
    /// What the step is told.
    pub(crate) parameters: Parameters,
    /// The steps or sources whose rows it takes; none for the step before.
    pub(crate) from: Option<Vec<FromTable>>,
    /// How the rows of several parents become one.
    pub(crate) combine: Option<Placed<Combine>>,
    /// What becomes of the columns that come in.
    pub(crate) view: ProjectionTable,
    /// From the step's own names of its inputs to the pipeline's columns.
    pub(crate) inputs: Names,
    /// From the step's own names of its outputs to the pipeline's columns.
    pub(crate) outputs: Names,
    /// Which of the children gets a row; none for all of them.
    pub(crate) route: Option<RouteTable>,
    /// The most rows that an instance gets at once; none for the pipeline's `batch-rows`.
    pub(crate) batch_rows: Option<Placed<usize>>,
    /// How many instances are at work at once; none for as many as there are threads.
    pub(crate) concurrency: Option<Placed<usize>>,
    /// How long an instance lives.
    pub(crate) instance: Option<Placed<InstanceLife>>,
    /// Whether what it makes is kept for later runs.
    pub(crate) cache: Option<Placed<Keeping>>,
    /// The limits that it sets for itself. They stand at `limits`, at the last argument that changed one, or else at
    /// the step.
    pub(crate) limits: Placed<LimitSettings>,
    /// What to do when a batch or a row does not pass.
    pub(crate) on_failure: Placed<OnFailure>,
}

const COMPONENT_HELP: &str = "add `component = \"…\"`: the step's .wasm file, or the folder of its crate";

pub(super) fn read(mut table: Table<'_>, check: &mut Check<'_>) -> Option<StepTable> {
    let place = table.place();
    let name = table
        .require("name", "add a line such as `name = \"count-words\"`")
        .and_then(|entry| read_node_name(&entry, check));
    let component =
        table.require("component", COMPONENT_HELP).and_then(|entry| location::read(&entry, COMPONENT_HELP, check));
    let parameters = parameters::read(&mut table, check);
    let from = from::read(&mut table, check);
    let combine = combine::read(&mut table, check);
    let view = projection::read(&mut table, check);
    let inputs = names::read_table(&mut table, "inputs", check);
    let outputs = names::read_table(&mut table, "outputs", check);
    let route = route::read(&mut table, check);
    let batch_rows = batch_rows::read(&mut table, check);
    let concurrency = instance::read_concurrency(&mut table, check);
    let instance = instance::read_instance(&mut table, check);
    let cache = instance::read_cache(&mut table, check);
    let limits = limits::read(&mut table, "[step.limits]", place.clone(), check);
    let on_failure = on_failure::read(&mut table, check);
    table.finish(check);
    Some(StepTable {
        place,
        name: name?,
        component: component?,
        parameters,
        from,
        combine,
        view,
        inputs,
        outputs,
        route,
        batch_rows,
        concurrency,
        instance,
        cache,
        limits,
        on_failure,
    })
}
