//! Facts about the command and the machine.

use std::borrow::Cow;
use std::env;
use std::path::Path;
use std::time::SystemTime;

use stillbox::text::shell_word;
use stillbox::units::format_utc;

use crate::program;

/// The options with values that may be private: for `--allow-env` every one, for the others those whose names say so.
const ENV_OPTION: &str = "--allow-env";
const SET_OPTIONS: [&str; 2] = ["--set", "--set-model"];

/// The words in names of secrets.
const SECRET_WORDS: [&str; 12] = [
    "apikey",
    "auth",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "key",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "token",
];

/// Returns the facts, as names and values. `redact` covers the values of secrets.
pub(crate) fn environment(
    pipeline: &Path,
    started: SystemTime,
    threads: usize,
    redact: &dyn Fn(&str) -> String,
) -> Vec<(&'static str, String)> {
    let words = program::get().arguments.iter().map(|word| redact(&word.to_string_lossy()));
    let command: Vec<String> = without_values(words);
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

/// Quotes the words of a command, without values that may be secrets.
fn without_values(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut option = None;
    let shown = |word: String| {
        let before = option.replace(word.clone());
        let (prefix, own) = match (before.as_deref(), word.split_once('=')) {
            (Some(before), _) if is_covered(before) => (String::new(), Some((before.to_owned(), word.clone()))),
            (_, Some((own, value))) if is_covered(own) => (format!("{own}="), Some((own.to_owned(), value.to_owned()))),
            _ => (String::new(), None),
        };
        match own.as_ref().and_then(|(option, value)| Some((option, value.split_once('=')?))) {
            Some((option, (name, _))) if option == ENV_OPTION || is_secret_name(name) => {
                format!("{prefix}{}=…", shell_word(name))
            }
            _ => shell_word(&without_user(&word)).into_owned(),
        }
    };
    words.map(shown).collect()
}

fn is_covered(option: &str) -> bool {
    option == ENV_OPTION || SET_OPTIONS.contains(&option)
}

/// Returns whether the last part of a name such as `writer.api-key` is that of a secret.
fn is_secret_name(name: &str) -> bool {
    let own = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    own.split(|c: char| !c.is_alphanumeric()).any(|word| SECRET_WORDS.contains(&word))
}

/// Removes user and password from a URL.
fn without_user(word: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = word.split_once("://") else { return word.into() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    match authority.rsplit_once('@') {
        Some((user, _)) => format!("{scheme}://…{}", &rest[user.len()..]).into(),
        None => word.into(),
    }
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
            "--set",
            "step.api-key=hush",
            "--set=step.max-tokens=5",
            "--set-model=writer.key=hush",
            "--set-model",
            "writer.url=https://me:hush@host/v1",
        ];
        let shown = without_values(words.into_iter().map(str::to_owned)).join(" ");
        assert_eq!(
            shown,
            "stillbox run 'p q.toml' --allow-env A=… --allow-env=D=… --allow-env F --set 'a.b=c' --set step.api-key=… '--set=step.max-tokens=5' --set-model=writer.key=… --set-model 'writer.url=https://…@host/v1'"
        );
    }
}
