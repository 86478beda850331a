//! The option that shows what steps log and write.

use clap::Args;

/// Whether to show what steps log and write.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct ShowOutput {
    /// Print what steps log, and write to their standard output and standard error, as it comes
    ///
    /// Each line begins with the step and the batch. Without this, the last messages of a step are part of its failures.
    #[arg(long)]
    pub(crate) show_output: bool,
}
