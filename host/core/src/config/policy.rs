//! The policy file of an operator: `--policy FILE`.

use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::allow;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::error::ConfigError;
use super::location::ConfigLocation;
use super::parse_context::ParseContext;
use super::path_setting;
use super::table::{Table, TableEntry};
use super::{names, secrets};
use crate::grants::{HttpCeiling, Policy, SecretSource};

impl Policy {
    /// Reads a policy file. Relative paths in it start from its folder.
    ///
    /// # Errors
    /// The file cannot be read, or is invalid; all problems are reported at once.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| ConfigError::Policy { file: path.to_owned(), source })?;
        Ok(Self::from_text(path, &text)?)
    }

    /// Reads the text of a policy file. Relative paths in it start from the folder of `file`.
    ///
    /// # Errors
    /// All problems of the text.
    pub fn from_text(file: impl AsRef<Path>, text: &str) -> Result<Self, Diagnostics> {
        let file = file.as_ref();
        let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(text).into();
        let base = file.parent().unwrap_or(Path::new(""));
        let (document, errors) = DeTable::parse_recoverable(&text);
        let mut context = ParseContext::new(&text, base, &errors);
        let policy = read(document.get_ref(), &mut context);
        let diagnostics = context.into_diagnostics();
        if diagnostics.is_empty() { Ok(policy) } else { Err(Diagnostics::new(file, Arc::clone(&text), diagnostics)) }
    }
}

fn read(document: &DeTable<'_>, context: &mut ParseContext<'_>) -> Policy {
    let mut policy = Policy::default();
    let mut root = Table::new("", 0..0, document);
    let none = Diagnostic::new(ConfigLocation::File, "the policy has no `allow`")
        .help("a policy that permits no grant at all is the line `allow = {}`");
    if let Some(entry) = root.require_or("allow", none) {
        match entry.value {
            DeValue::Table(entries) => {
                let mut allow = Table::new("[allow]", entry.span, entries);
                let http = allow.take("http");
                policy.http = super::read_each(http, "http", "[[allow.http]]", read_http, context);
                let dirs = allow.take("dir");
                policy.dirs = super::read_each(dirs, "dir", "[[allow.dir]]", read_dir, context);
                policy.env = allow.take("env").map(|entry| names::read_strings(&entry, context)).unwrap_or_default();
                allow.finish(context);
            }
            _ => entry.wrong_type("a table, such as [[allow.http]] starts one", context),
        }
    }
    root.finish(context);
    policy
}

fn read_http(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<HttpCeiling> {
    let grant = allow::read_request(&mut table, context);
    let secrets = table.take("secrets").map(|entry| read_secrets(&entry, context)).unwrap_or_default();
    table.finish(context);
    Some(HttpCeiling { grant: grant?.value, secrets })
}

fn read_secrets(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Vec<SecretSource> {
    let DeValue::Array(elements) = entry.value else {
        entry.wrong_type("an array such as `[{ env = \"EXAMPLE_KEY\" }]`", context);
        return Vec::new();
    };
    let mut sources = Vec::new();
    for element in elements {
        match element.get_ref() {
            DeValue::Table(entries) => {
                sources.extend(secrets::read_source(Table::new("the secret", element.span(), entries), context));
            }
            _ => entry.wrong_type("an array such as `[{ env = \"EXAMPLE_KEY\" }]`", context),
        }
    }
    sources
}

fn read_dir(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<(std::path::PathBuf, bool)> {
    const HELP: &str = "add a line such as `path = \"/data\"`";
    let path = table.require("path", HELP).and_then(|entry| path_setting::read(&entry, HELP, context));
    let write = table.take("write").and_then(|entry| entry.boolean(context)).is_some_and(|write| write.value);
    table.finish(context);
    Some((path?.path(), write))
}
