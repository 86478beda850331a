//! `[secrets]`: where the values of secrets come from.

use toml::de::DeValue;

use super::StepTable;
use super::diagnostic::Diagnostic;
use super::location::{ConfigLocation, Located};
use super::parse_context::{ParseContext, shortened};
use super::path_setting;
use super::suggestion::nearest;
use super::table::{Table, TableEntry};
use crate::grants::SecretSource;

/// The table `[secrets]`, from name to source, in the order of the file.
pub(crate) type SecretsTable = Vec<(String, Located<SecretSource>)>;

const FORM: &str = "write `NAME = { env = \"VARIABLE\" }` or `NAME = { file = \"/run/secrets/NAME\" }`";

/// Reads `secrets` of the file.
pub(super) fn read(root: &mut Table<'_>, context: &mut ParseContext<'_>) -> SecretsTable {
    let Some(entry) = root.take("secrets") else { return SecretsTable::new() };
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table such as `{ example = { env = \"EXAMPLE_KEY\" } }`", context);
        return SecretsTable::new();
    };
    let mut written: Vec<_> = entries.iter().collect();
    written.sort_by_key(|(name, _)| name.span().start);
    let mut secrets = SecretsTable::with_capacity(written.len());
    for (name, value) in written {
        let own: &str = name.get_ref();
        let location = ConfigLocation::Span(value.span());
        if own.is_empty() || !own.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') {
            let message = format!(
                "the name \"{}\" of a secret has other characters than letters, digits, `-` and `_`",
                shortened(own)
            );
            context.push(Diagnostic::new(ConfigLocation::Span(name.span()), message));
            continue;
        }
        let DeValue::Table(entries) = value.get_ref() else {
            // The value may be the secret itself, so it is not repeated.
            let message =
                format!("the secret \"{own}\" is not a table; a pipeline file never contains the value of a secret");
            context.push(Diagnostic::new(ConfigLocation::Span(name.span()), message).help(FORM));
            continue;
        };
        if let Some(source) = read_source(Table::new("the secret", value.span(), entries), context) {
            secrets.push((own.to_owned(), Located::new(source, location)));
        }
    }
    secrets
}

/// Reads `{ env = ".." }` or `{ file = ".." }`.
pub(super) fn read_source(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<SecretSource> {
    let location = table.location();
    let env = table.take("env").and_then(|entry: TableEntry<'_>| entry.string(context));
    let file = table.take("file").and_then(|entry| path_setting::read(&entry, FORM, context));
    table.finish(context);
    match (env, file) {
        (Some(env), None) => Some(SecretSource::Env(env.value)),
        (None, Some(file)) => Some(SecretSource::File(file.path())),
        _ => {
            context.push(Diagnostic::new(location, "a secret has either `env` or `file`").help(FORM));
            None
        }
    }
}

/// Reports secrets that grants use and that the file does not have.
pub(super) fn check(steps: &[StepTable], secrets: &SecretsTable, context: &mut ParseContext<'_>) {
    for grant in steps.iter().flat_map(|step| &step.allow.http) {
        for name in grant.secret_header().into_iter().flat_map(crate::grants::SecretHeader::secrets) {
            if secrets.iter().any(|(own, _)| own == name) {
                continue;
            }
            let message = format!("there is no secret \"{}\" in [secrets]", shortened(name));
            let mut diagnostic = Diagnostic::new(grant.location.clone(), message);
            if let Some(meant) = nearest(name, secrets.iter().map(|(own, _)| own.as_str())) {
                diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
            }
            context.push(diagnostic.help(FORM));
        }
    }
}
