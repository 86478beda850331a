//! Facts about the command and the machine.

use std::env;
use std::path::Path;
use std::time::SystemTime;

use stillbox::text::shell_word;
use stillbox::units::format_utc;

use crate::program;

/// The option whose value may be private.
const ENV_OPTION: &str = "--allow-env";

/// Returns the facts, as names and values.
pub(crate) fn environment(pipeline: &Path, started: SystemTime, threads: usize) -> Vec<(&'static str, String)> {
    let command: Vec<String> =
        without_values(program::get().arguments.iter().map(|word| word.to_string_lossy().into_owned()));
    let folder = env::current_dir().map_or_else(|_| "unknown".into(), |folder| folder.display().to_string());
    vec![
        ("pipeline", pipeline.display().to_string()),
        ("command", command.join(" ")),
        ("folder", folder),
        ("started", format_utc(started)),
        ("Stillbox", env!("CARGO_PKG_VERSION").to_owned()),
        ("system", format!("{} {}, {threads} threads", env::consts::OS, env::consts::ARCH)),
    ]
}

/// Quotes the words of a command, without the values that `--allow-env` sets.
fn without_values(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut is_variable = false;
    let shown = |word: String| {
        let is_value = std::mem::replace(&mut is_variable, word == ENV_OPTION);
        let variable = if is_value { Some(&*word) } else { word.strip_prefix("--allow-env=") };
        match variable.and_then(|variable| variable.split_once('=')) {
            Some((name, _)) if is_value => format!("{name}=…"),
            Some((name, _)) => format!("{ENV_OPTION}={name}=…"),
            None => shell_word(&word).into_owned(),
        }
    };
    words.map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_not_shown() {
        let words = [
            "stillbox",
            "run",
            "p q.toml",
            "--allow-env",
            "A=b c",
            "--allow-env=D=e",
            "--allow-env",
            "F",
            "--set",
            "a.b=c",
        ];
        let shown = without_values(words.into_iter().map(str::to_owned)).join(" ");
        assert_eq!(shown, "stillbox run 'p q.toml' --allow-env A=… --allow-env=D=… --allow-env F --set 'a.b=c'");
    }
}
