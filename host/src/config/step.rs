//! `[[step]]`: one step of the pipeline.

use super::check::Check;
use super::from;
use super::limits;
use super::location::{self, Location};
use super::name::read_node_name;
use super::on_failure;
use super::parameters::{self, Parameters};
use super::place::{Place, Placed};
use super::table::Table;
use crate::policy::OnFailure;
use crate::sandbox::LimitSettings;

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
    pub(crate) from: Option<Vec<Placed<String>>>,
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
    let limits = limits::read(&mut table, "[step.limits]", place.clone(), check);
    let on_failure = on_failure::read(&mut table, check);
    table.finish(check);
    Some(StepTable { place, name: name?, component: component?, parameters, from, limits, on_failure })
}
