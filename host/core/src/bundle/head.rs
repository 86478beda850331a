//! The part of a bundle that is neither rows nor code.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, RowPlace};
use crate::instance_log::LogContent;
use crate::limits::Limits;

/// Everything about a call except its rows and the bytes of its component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BundleHead {
    /// The version of Stillbox that wrote the bundle.
    pub(crate) stillbox: String,
    pub(crate) contract: String,
    pub(crate) run: String,
    pub(crate) pipeline: String,
    pub(crate) step: String,
    pub(crate) component: ComponentPart,
    /// A JSON object.
    pub(crate) parameters: String,
    /// The seed of the instance's random numbers, and the number of the batch.
    pub(crate) seed: u64,
    /// Batches that the instance was given, the failing one last.
    pub(crate) batches: u32,
    /// Calls of `finish` after them, the failing one last.
    pub(crate) finishes: u64,
    /// Batches that the instance had processed before, and that are not part of the bundle.
    pub(crate) earlier_batches: u64,
    /// The places of the rows of the last batch in the input.
    pub(crate) places: Vec<RowPlace>,
    /// For every column that the step reads, its name in the step and in the rows.
    pub(crate) columns: Vec<(String, String)>,
    /// The columns of the rows that were left out.
    pub(crate) left_out: Vec<String>,
    pub(crate) limits: LimitsPart,
    pub(crate) grants: GrantsPart,
    pub(crate) log: LogContent,
    pub(crate) failure: Failure,
    /// Whether the row of the failure was found by further calls: the failing call does not name it.
    pub(crate) is_row_searched: bool,
    /// Whether secrets were removed from rows, parameters or variables, so that the call is not quite the same.
    pub(crate) is_redacted: bool,
}

/// The component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ComponentPart {
    /// `sha256:` and 64 hexadecimal digits.
    pub(crate) digest: String,
    /// The name of its file, without the folder.
    pub(crate) file: String,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Why its bytes are not in the bundle. `None` if they are.
    pub(crate) omitted: Option<String>,
}

/// The limits of the instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LimitsPart {
    memory: u64,
    time: Duration,
    fuel: Option<u64>,
    output_rows: u64,
    output_bytes: u64,
    log_bytes: u64,
}

/// The grants of the step, for people to read. A replay grants variables only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GrantsPart {
    /// Methods and URLs.
    pub(crate) http: Vec<String>,
    /// Folders as the step sees them.
    pub(crate) dirs: Vec<String>,
    /// Variables of the environment with their values.
    pub(crate) env: Vec<(String, String)>,
}

/// The largest limits of a replay, whatever the bundle says.
const MAX_LIMITS: LimitsPart = LimitsPart {
    memory: 4 << 30,
    time: Duration::from_hours(1),
    fuel: None,
    output_rows: 100_000_000,
    output_bytes: 1 << 30,
    log_bytes: 16 << 20,
};

impl LimitsPart {
    pub(super) fn new(limits: &Limits) -> Self {
        let Limits { memory, time, fuel, output_rows, output_bytes, log_bytes, .. } = *limits;
        Self { memory, time, fuel, output_rows, output_bytes, log_bytes }
    }

    /// Returns the limits of a replay.
    pub(super) fn limits(&self) -> Limits {
        let Self { memory, time, fuel, output_rows, output_bytes, log_bytes } = *self;
        Limits {
            memory: memory.min(MAX_LIMITS.memory),
            time: time.min(MAX_LIMITS.time),
            fuel,
            output_rows: output_rows.min(MAX_LIMITS.output_rows),
            output_bytes: output_bytes.min(MAX_LIMITS.output_bytes),
            log_bytes: log_bytes.min(MAX_LIMITS.log_bytes),
            ..Limits::default()
        }
    }
}
