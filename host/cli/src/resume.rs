//! The command that goes on with a run.

use std::ffi::OsString;

use stillbox::escape_controls;

/// What was typed to start this process, as what goes on with its run.
pub(super) fn command() -> String {
    command_of(std::env::args_os())
}

fn command_of(arguments: impl IntoIterator<Item = OsString>) -> String {
    let mut words = Vec::new();
    // The id behind `--resume` is the run's own, and it need not be said which it is.
    let mut is_id_next = false;
    for argument in arguments {
        let argument = argument.to_string_lossy();
        let is_id = std::mem::take(&mut is_id_next) && !argument.starts_with('-');
        is_id_next = argument == "--resume";
        if !is_id && argument != "--restart" && argument != "--resume" && !argument.starts_with("--resume=") {
            words.push(quoted(&argument));
        }
    }
    words.push("--resume".into());
    escape_controls(&words.join(" ")).into_owned()
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> String {
        command_of(arguments.iter().map(OsString::from))
    }

    #[test]
    fn the_same_command_goes_on() {
        assert_eq!(of(&["stillbox", "run", "p.toml"]), "stillbox run p.toml --resume");
        assert_eq!(of(&["stillbox", "run", "p.toml", "--restart"]), "stillbox run p.toml --resume");
        assert_eq!(of(&["stillbox", "run", "p.toml", "--resume", "67-ab", "-t2"]), "stillbox run p.toml -t2 --resume");
        assert_eq!(of(&["stillbox", "run", "--resume=67-ab", "p.toml"]), "stillbox run p.toml --resume");
        assert_eq!(
            of(&["stillbox", "run", "it's here.toml", "--set", "a.b=\"c\""]),
            "stillbox run 'it'\\''s here.toml' --set 'a.b=\"c\"' --resume"
        );
    }
}
