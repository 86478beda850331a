//! The command `stillbox`.

use std::process::ExitCode;

fn main() -> ExitCode {
    stillbox_cli::main(stillbox_cli::Program::of_this_process()).into()
}
