//! The engine, and the host's side of an instance: what it may import, what it uses, what it wrote and logged.

mod access;
pub(crate) mod bindings;
mod call_deadline;
mod capture;
mod columns;
mod config;
mod denied;
mod drop_reasons;
mod drops;
mod files;
mod folders;
mod followed;
mod guest;
mod http;
mod linker;
mod meter;
mod model;
mod permission;
mod quota;
mod requests;
mod source;
mod state;
mod waits;

pub(crate) use access::{Access, AccessContext};
pub(crate) use call_deadline::{CallDeadline, DeadlinePassed};
pub(crate) use capture::ReportedExit;
pub(crate) use config::{CompileSettings, Resident, engine, engine_without_pool};
pub use config::{Fuel, Traps};
pub(crate) use drop_reasons::DropReasons;
pub(crate) use folders::StagedFolders;
pub(crate) use guest::{Guest, GuestPre};
pub(crate) use linker::{isolated_linker, linker};
pub(crate) use meter::{DeniedGrowth, TABLE_ELEMENTS, is_shortage_error};
pub(crate) use model::ModelHalt;
pub use permission::Permission;
pub(crate) use state::{Attribution, CallColumns, CapturedOutput, HOST_CALL_BYTES, MAX_HANDLES, State};
