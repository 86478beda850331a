//! The author's kit: what turns a folder with a step's sources into a step that is built, tested and handed over.
//!
//! [`new`] makes a folder, [`build`] compiles it to a component, [`cases`] runs the step over the cases that lie beside
//! its sources. All are used by the command line alone, but for the building of folders that a pipeline names.

pub(crate) mod build;
pub(crate) mod cases;
pub(crate) mod new;
