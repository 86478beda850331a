//! The arguments of commands that share components.

use std::path::PathBuf;

use clap::{Args, ValueHint};

#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// A component: `oci://REGISTRY/NAME:TAG`, with or without `@sha256:DIGEST`, or `https://HOST/PATH`, with or without
    /// `#sha256=DIGEST`
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// Also write the component to this file, or into this folder if it exists
    #[arg(short, long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = PUSH_HELP)]
pub(crate) struct Push {
    /// A .wasm file, or the folder of a step
    #[arg(value_name = "STEP", value_hint = ValueHint::AnyPath)]
    pub(crate) step: PathBuf,
    /// Where to: `oci://REGISTRY/NAME:TAG`
    #[arg(value_name = "REFERENCE")]
    pub(crate) reference: String,
    /// Reject folders of steps: a build runs scripts of the step outside of the sandbox
    #[arg(long)]
    pub(crate) no_build: bool,
}

const PUSH_HELP: &str = "\
Credentials are those of `docker login`. The same component has the same digest each time; with the
variable SOURCE_DATE_EPOCH, in seconds since 1970, its time of creation is part of the digest.";
