//! `allow`: the grants of a step.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::entry::{whole, wrong_type};
use super::location::{ConfigLocation, Located};
use super::parse_context::{ParseContext, shortened};
use super::table::{Table, TableEntry};
use super::{duration, names, path_setting, size};
use crate::grants::{DirGrant, EnvGrant, EnvValue, Grants, HttpGrant, HttpLimits, SecretHeader};

/// From the smallest unit to one day.
const TIME: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);
/// In bytes. A body passes through the host in small parts, and a step has an address space of 32 bits.
const BODY_BYTES: RangeInclusive<u64> = 0..=4 << 30;
const REQUESTS: RangeInclusive<u64> = 0..=10_000_000;
/// Every request that is sent has a connection or a stream of one.
const CONCURRENCY: RangeInclusive<u64> = 1..=1024;
/// Up to one in each millisecond, the resolution of the timer that they wait for.
const REQUESTS_PER_MINUTE: RangeInclusive<u64> = 1..=60_000;
/// In bytes, up to 1 TiB.
const WRITTEN_BYTES: RangeInclusive<u64> = 0..=1 << 40;

/// The table `allow`. By default nothing is granted.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct AllowTable {
    pub(crate) http: Vec<Located<HttpGrant>>,
    pub(crate) dirs: Vec<Located<DirGrant>>,
    pub(crate) env: Vec<Located<EnvGrant>>,
}

impl AllowTable {
    /// Adds grants of the command line.
    pub(super) fn add(&mut self, grants: &Grants) {
        let argument = |text: String| ConfigLocation::Argument(text.into());
        for grant in &grants.http {
            let location = argument(format!("--allow-http {}", grant.url()));
            self.http.push(Located::new(grant.clone(), location));
        }
        for grant in &grants.dirs {
            let option = if grant.is_writable() { "--allow-write" } else { "--allow-dir" };
            let location = argument(format!("{option} {}", grant.path().display()));
            self.dirs.retain(|own| own.guest_path() != grant.guest_path());
            self.dirs.push(Located::new(grant.clone(), location));
        }
        for grant in &grants.env {
            self.env.retain(|own| own.name != grant.name);
            self.env.push(Located::new(grant.clone(), argument(format!("--allow-env {}", grant.name))));
        }
    }

    /// Returns the grants.
    pub(crate) fn grants(&self) -> Grants {
        let mut grants = Grants::default();
        grants.http.extend(self.http.iter().map(|grant| grant.value.clone()));
        grants.dirs.extend(self.dirs.iter().map(|grant| grant.value.clone()));
        grants.env.extend(self.env.iter().map(|grant| grant.value.clone()));
        grants
    }
}

/// Reads `allow` of a table.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> AllowTable {
    let mut allow = AllowTable::default();
    let Some(entry) = table.take("allow") else { return allow };
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table, such as [[step.allow.http]] starts one", context);
        return allow;
    };
    let mut kinds = Table::new("[step.allow]", entry.span, entries);
    let http = kinds.take("http");
    allow.http = super::read_each(http, "http", "[[step.allow.http]]", read_http, context);
    let dirs = kinds.take("dir");
    allow.dirs = super::read_each(dirs, "dir", "[[step.allow.dir]]", read_dir, context);
    if let Some(entry) = kinds.take("env") {
        allow.env = read_env(&entry, context);
    }
    kinds.finish(context);
    check_places(&allow.dirs, context);
    allow
}

/// Reads one table of `http`, for a grant or for a policy.
pub(super) fn read_http(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<HttpGrant>> {
    let grant = read_request(&mut table, context);
    let secret = table.take("secret").and_then(|entry| read_secret(&entry, context));
    table.finish(context);
    let grant = grant?;
    Some(match secret {
        Some(secret) => Located::new(grant.value.secret(secret), grant.location),
        None => grant,
    })
}

/// Reads the keys that describe requests.
pub(super) fn read_request(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<HttpGrant>> {
    let help = "add a line such as `url = \"https://api.example.org/v1/\"`";
    let written = table.require("url", help).and_then(|entry| Some((entry.string(context)?, entry.name)));
    let mut grant = written.and_then(|(written, name)| match HttpGrant::new(&written.value) {
        Ok(grant) => Some(Located::new(grant, written.location)),
        Err(problem) => {
            let message = format!("{name} {problem}");
            context.push(Diagnostic::new(written.location, message).help(
                "write scheme, host and a prefix of the path, such as \"https://api.example.org/v1/\" or \"https://*.example.org/\"",
            ));
            None
        }
    });
    if let Some(entry) = table.take("methods") {
        let methods = names::read_list(&entry, context).unwrap_or_default();
        if methods.is_empty() {
            context.push(entry.diagnostic(format!("{} is empty", entry.name)).help("remove it for GET alone"));
        }
        let granted = grant.take().map(|own| (own.value.clone().methods(methods.iter().map(|name| &name.value)), own));
        grant = granted.map(|(set, own)| match set {
            Ok(value) => Located::new(value, own.location),
            Err(problem) => {
                context.push(entry.diagnostic(format!("a method in {} {problem}", entry.name)));
                own
            }
        });
    }
    let addresses = table.take("addresses").map(|entry| read_addresses(&entry, context)).unwrap_or_default();
    let limits = table.take("limits").map(|entry| read_limits(&entry, context)).unwrap_or_default();
    grant.map(|grant| Located::new(grant.value.addresses(addresses).limits(limits), grant.location))
}

pub(super) fn read_addresses(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for written in names::read_list(entry, context).unwrap_or_default() {
        if let Ok(address) = written.value.parse() {
            addresses.push(address);
        } else {
            let message = format!("{} has \"{}\", which is not an address and port", entry.name, shortened(&written));
            let help = "write them as \"127.0.0.1:11434\" or \"[::1]:11434\"";
            context.push(Diagnostic::new(written.location, message).help(help));
        }
    }
    addresses
}

fn read_secret(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<SecretHeader> {
    const FORM: &str = "write it as `{ header = \"authorization\", value = \"Bearer {name}\" }`, with the name of a secret of [secrets]";
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table such as `{ header = \"authorization\", value = \"Bearer {name}\" }`", context);
        return None;
    };
    let mut table = Table::new("`secret`", entry.span.clone(), entries);
    let header = table.require("header", FORM).and_then(|entry| entry.string(context));
    let value = table.require("value", FORM).and_then(|entry| entry.string(context));
    table.finish(context);
    match SecretHeader::new(&header?, &value?) {
        Ok(secret) => Some(secret),
        Err(problem) => {
            context.push(entry.diagnostic(format!("{}: {problem}", entry.name)).help(FORM));
            None
        }
    }
}

fn read_limits(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> HttpLimits {
    let mut limits = HttpLimits::default();
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table such as `{ time = \"60s\", response-bytes = \"8MiB\" }`", context);
        return limits;
    };
    let mut table = Table::new("[step.allow.http.limits]", entry.span.clone(), entries);
    let why = "a body passes through the memory of the step";
    let mut set = |key: &'static str,
                   set: &mut dyn FnMut(&TableEntry<'_>, &ConfigLocation) -> Result<(), Diagnostic>| {
        if let Some(entry) = table.take(key)
            && let Err(diagnostic) = set(&entry, &ConfigLocation::Span(entry.span.clone()))
        {
            context.push(diagnostic);
        }
    };
    set("time", &mut |entry, at| {
        limits.time = duration::read(&entry.name, entry.value, at, &TIME)?;
        Ok(())
    });
    set("request-bytes", &mut |entry, at| {
        limits.request_bytes = size::read(&entry.name, entry.value, at, &BODY_BYTES, why)?;
        Ok(())
    });
    set("response-bytes", &mut |entry, at| {
        limits.response_bytes = size::read(&entry.name, entry.value, at, &BODY_BYTES, why)?;
        Ok(())
    });
    set("requests", &mut |entry, at| {
        limits.requests = whole(&entry.name, entry.value, at, &REQUESTS)?;
        Ok(())
    });
    set("concurrency", &mut |entry, at| {
        limits.concurrency = whole(&entry.name, entry.value, at, &CONCURRENCY)? as u32;
        Ok(())
    });
    set("requests-per-minute", &mut |entry, at| {
        limits.requests_per_minute = NonZeroU32::new(whole(&entry.name, entry.value, at, &REQUESTS_PER_MINUTE)? as u32);
        Ok(())
    });
    table.finish(context);
    limits
}

fn read_dir(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<DirGrant>> {
    const HELP: &str = "add a line such as `path = \"dictionaries\"`: a folder, relative to the pipeline file";
    let path = table.require("path", HELP).and_then(|entry| path_setting::read(&entry, HELP, context));
    let at = table.take("at").and_then(|entry| read_place(&entry, context));
    let write = table.take("write").and_then(|entry| entry.boolean(context)).is_some_and(|write| write.value);
    let bytes = table.take("bytes").and_then(|entry| {
        let location = ConfigLocation::Span(entry.span.clone());
        let why = "the step's files are on disk twice while they are moved into place";
        let bytes = size::read(&entry.name, entry.value, &location, &WRITTEN_BYTES, why);
        if !write {
            context.push(entry.diagnostic(format!("{} has no effect without `write = true`", entry.name)));
        }
        bytes.map_err(|diagnostic| context.push(diagnostic)).ok()
    });
    table.finish(context);
    let path = path?;
    let mut grant = if write { DirGrant::write(path.path()) } else { DirGrant::read(path.path()) };
    if let Some(at) = at {
        grant = grant.at(at);
    }
    if let Some(bytes) = bytes {
        grant = grant.bytes(bytes);
    }
    Some(Located::new(grant, path.location.clone()))
}

fn read_place(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<String> {
    let at = entry.string(context)?.value;
    let is_clean = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(char::is_control);
    if at == "/" || at.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_clean)) {
        return Some(at);
    }
    let message = format!("{} is \"{}\", which is not an absolute path", entry.name, shortened(&at));
    context.push(
        entry.diagnostic(message).help("write a path such as \"/dictionaries\", where the step finds the folder"),
    );
    None
}

/// Reports two folders at one place.
fn check_places(dirs: &[Located<DirGrant>], context: &mut ParseContext<'_>) {
    let mut places = BTreeSet::new();
    for dir in dirs {
        if !places.insert(dir.guest_path()) {
            let message = format!("two folders are at \"{}\"", shortened(dir.guest_path()));
            let help = "give one of them another place with `at`";
            context.push(Diagnostic::new(dir.location.clone(), message).help(help));
        }
    }
}

fn read_env(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Vec<Located<EnvGrant>> {
    const FORM: &str = "write a text, or `{ env = \"NAME\" }` to pass a variable of the host";
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table such as `{ LANG = \"C\" }`", context);
        return Vec::new();
    };
    let mut written: Vec<_> = entries.iter().collect();
    written.sort_by_key(|(name, _)| name.span().start);
    let mut grants = Vec::with_capacity(written.len());
    for (name, value) in written {
        let location = ConfigLocation::Span(name.span());
        let variable: &str = name.get_ref();
        if variable.is_empty() || variable.contains(['=', '\0']) {
            let message = format!("\"{}\" is not the name of a variable", shortened(variable));
            context.push(Diagnostic::new(location, message));
            continue;
        }
        let value = match value.get_ref() {
            DeValue::String(text) if !text.contains('\0') => EnvValue::Literal(text.to_string()),
            DeValue::Table(table) => match host_variable(table, value.span(), FORM, context) {
                Some(host) => EnvValue::Host(host),
                None => continue,
            },
            wrong => {
                let what = format!("\"{}\" in {}", shortened(variable), entry.name);
                let at = ConfigLocation::Span(value.span());
                context.push(wrong_type(&what, wrong, at, "a text without NUL").help(FORM));
                continue;
            }
        };
        grants.push(Located::new(EnvGrant { name: variable.to_owned(), value }, location));
    }
    grants
}

/// Reads `{ env = "NAME" }`.
fn host_variable(
    entries: &DeTable<'_>,
    span: std::ops::Range<usize>,
    form: &str,
    context: &mut ParseContext<'_>,
) -> Option<String> {
    let mut table = Table::new("the variable", span, entries);
    let name = table.require("env", form).and_then(|entry| entry.string(context));
    table.finish(context);
    name.map(|name| name.value)
}
