//! The command that resumes a run.

use std::ffi::OsString;

use stillbox::text::{escape_controls, shell_word};

use crate::program;

/// Returns the command line of this process, changed to resume its run.
pub(super) fn command() -> String {
    resuming(program::get().arguments.iter().cloned())
}

fn resuming(arguments: impl IntoIterator<Item = OsString>) -> String {
    let mut words = Vec::new();
    // `--resume` alone resumes the last run, so the id of an earlier run is left out.
    let mut is_id_next = false;
    for argument in arguments {
        let argument = argument.to_string_lossy();
        let is_id = std::mem::take(&mut is_id_next) && !argument.starts_with('-');
        is_id_next = argument == "--resume";
        if !is_id && argument != "--restart" && argument != "--resume" && !argument.starts_with("--resume=") {
            words.push(shell_word(&argument).into_owned());
        }
    }
    words.push("--resume".into());
    escape_controls(&words.join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resuming(arguments: &[&str]) -> String {
        super::resuming(arguments.iter().map(OsString::from))
    }

    #[test]
    fn the_same_command_resumes_the_run() {
        assert_eq!(resuming(&["stillbox", "run", "p.toml"]), "stillbox run p.toml --resume");
        assert_eq!(resuming(&["stillbox", "run", "p.toml", "--restart"]), "stillbox run p.toml --resume");
        assert_eq!(
            resuming(&["stillbox", "run", "p.toml", "--resume", "67-ab", "-t2"]),
            "stillbox run p.toml -t2 --resume"
        );
        assert_eq!(resuming(&["stillbox", "run", "--resume=67-ab", "p.toml"]), "stillbox run p.toml --resume");
        assert_eq!(
            resuming(&["stillbox", "run", "it's here.toml", "--set", "a.b=\"c\""]),
            "stillbox run \"it's here.toml\" --set 'a.b=\"c\"' --resume"
        );
    }
}
