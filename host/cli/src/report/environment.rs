//! Facts about the command and the machine.

use std::env;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stillbox::text::shell_word;

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
        ("started", utc(started)),
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

/// Returns a time as `2026-11-29 12:34:56 UTC`.
fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // The civil calendar of Howard Hinnant ("chrono-Compatible Low-Level Date Algorithms"), for days since 1970.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_the_civil_calendar() {
        let at = |seconds| utc(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(at(951_827_696), "2000-02-29 12:34:56 UTC");
        assert_eq!(at(1_795_953_600), "2026-11-29 12:00:00 UTC");
        assert_eq!(at(4_107_542_399), "2100-02-28 23:59:59 UTC");
        assert_eq!(at(4_107_542_400), "2100-03-01 00:00:00 UTC");
    }

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
