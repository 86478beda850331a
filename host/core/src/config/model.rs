//! `[[model]]`: a model that steps may use, and the names of models in a step.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::allow::read_addresses;
use super::diagnostic::Diagnostic;
use super::entry::{whole, wrong_type};
use super::location::{ConfigLocation, Located};
use super::parse_context::{ParseContext, shortened};
use super::suggestion::nearest;
use super::table::{Table, TableEntry, list};
use super::{duration, parameters};
use crate::model::{ModelSettings, Price};

/// From the smallest unit to one day.
const TIME: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_hours(24);
/// Every request that is sent has a connection or a stream of one.
const CONCURRENCY: RangeInclusive<u64> = 1..=1024;
const RETRIES: RangeInclusive<u64> = 0..=100;
const CORRECTIONS: RangeInclusive<u64> = 0..=10;
/// Any rate that a server could have.
const RATE: RangeInclusive<u64> = 1..=1_000_000_000_000;

/// Reads one table of `[[model]]`.
pub(super) fn read(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<ModelSettings>> {
    let location = table.location();
    let mut text = |key, help| table.require(key, help).and_then(|entry| entry.string(context));
    let name = text("name", "add a line such as `name = \"writer\"`");
    let url = text("url", "add a line such as `url = \"https://api.openai.com/v1\"`");
    let model = text("model", "add a line such as `model = \"gpt-4o-mini\"`: its name at the server");
    let empty = || Located::new(String::new(), location.clone());
    let mut settings = ModelSettings::new(
        name.clone().unwrap_or_else(empty).value,
        url.clone().unwrap_or_else(empty).value,
        model.clone().unwrap_or_else(empty).value,
    );
    for key in Setting::ALL {
        if let Some(entry) = table.take(key.name()) {
            let at = ConfigLocation::Span(entry.span.clone());
            if let Err(diagnostic) = key.set(&mut settings, &entry.name, entry.value, &at) {
                context.push(diagnostic);
            }
        }
    }
    if let Some(entry) = table.take("addresses") {
        settings.addresses = read_addresses(&entry, context);
    }
    read_tables(&mut table, &mut settings, context);
    table.finish(context);
    // A model with problems is known by its name, so that steps may name it.
    let name = name?;
    if name.value.is_empty() || name.value.contains(['.', '=']) || name.value.chars().any(char::is_control) {
        let message = format!("\"{}\" cannot be the name of a model", shortened(&name));
        context.push(Diagnostic::new(name.location.clone(), message).help("use letters, digits, `-` and `_`"));
    }
    if let Some(url) = url
        && let Err(problem) = settings.grant()
    {
        let message = format!("the model cannot be used: {problem}");
        context.push(Diagnostic::new(url.location, message).help("write `url` as \"https://api.openai.com/v1\""));
    }
    if settings.budget.cost.is_some() && settings.price.is_none() {
        let message = format!("model \"{}\" has a budget for its cost, but no price", shortened(&name));
        let help = "add `price = { input = 0.15, output = 0.60 }`: for a million tokens";
        context.push(Diagnostic::new(location.clone(), message).help(help));
    }
    Some(Located::new(settings, location))
}

/// Reads `budget`, `price` and `body`.
fn read_tables(table: &mut Table<'_>, settings: &mut ModelSettings, context: &mut ParseContext<'_>) {
    if let Some(mut budget) = inner(table.take("budget"), "`budget`", "`{ tokens = \"5M\", cost = 20.0 }`", context) {
        settings.budget.tokens = budget.take("tokens").and_then(|entry| read_tokens(&entry, context));
        settings.budget.cost = budget.take("cost").and_then(|entry| read_amount(&entry, context));
        budget.finish(context);
    }
    if let Some(mut price) = inner(table.take("price"), "`price`", "`{ input = 0.15, output = 0.60 }`", context) {
        let help = "give the price of a million tokens of requests and of answers";
        let input = price.require("input", help).and_then(|entry| read_amount(&entry, context));
        let output = price.require("output", help).and_then(|entry| read_amount(&entry, context));
        price.finish(context);
        settings.price = input.zip(output).map(|(input, output)| Price { input, output });
    }
    if let Some(entry) = table.take("body") {
        match parameters::from_toml(entry.value, &ConfigLocation::Span(entry.span.clone())) {
            Ok(serde_json::Value::Object(body)) => settings.body = body,
            Ok(_) => entry.wrong_type("a table such as `{ top_k = 20 }`", context),
            Err(diagnostic) => context.push(diagnostic),
        }
    }
}

fn inner<'t>(
    entry: Option<TableEntry<'t>>,
    title: &'static str,
    form: &str,
    context: &mut ParseContext<'_>,
) -> Option<Table<'t>> {
    let entry = entry?;
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type(&format!("a table such as {form}"), context);
        return None;
    };
    Some(Table::new(title, entry.span, entries))
}

/// Reads a number of tokens, such as `500000`, `"500k"` or `"5M"`.
fn read_tokens(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<u64> {
    const FORM: &str = "a number of tokens, such as 500000, \"500k\" or \"5M\"";
    let DeValue::String(text) = entry.value else {
        return entry.integer(RATE, context).map(|number| number.value);
    };
    let (digits, factor) = match text.strip_suffix(['k', 'K', 'M', 'G']) {
        Some(digits) if text.ends_with('M') => (digits, 1e6),
        Some(digits) if text.ends_with('G') => (digits, 1e9),
        Some(digits) => (digits, 1e3),
        None => (&**text, 1.0),
    };
    let number = digits.parse::<f64>().ok().map(|number| number * factor).filter(|number| (1.0..1e15).contains(number));
    if number.is_none() {
        context.push(entry.diagnostic(format!("{} is \"{}\", not {FORM}", entry.name, shortened(text))));
    }
    number.map(|number| number as u64)
}

/// Reads an amount of money.
fn read_amount(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<f64> {
    let number = match entry.value {
        DeValue::Float(number) => number.as_str().parse().ok(),
        DeValue::Integer(number) => number.as_str().parse().ok(),
        _ => None,
    };
    let number = number.filter(|number: &f64| number.is_finite() && *number >= 0.0);
    if number.is_none() {
        entry.wrong_type("a number that is not negative", context);
    }
    number
}

/// A key with a single value, which the command line can set as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    Url,
    Model,
    Key,
    Concurrency,
    RequestsPerMinute,
    TokensPerMinute,
    Time,
    Retries,
    GiveUpAfter,
    Corrections,
    Batch,
}

impl Setting {
    /// The keys that a table may leave out.
    const ALL: [Self; 9] = [
        Self::Key,
        Self::Concurrency,
        Self::RequestsPerMinute,
        Self::TokensPerMinute,
        Self::Time,
        Self::Retries,
        Self::GiveUpAfter,
        Self::Corrections,
        Self::Batch,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Model => "model",
            Self::Key => "key",
            Self::Concurrency => "concurrency",
            Self::RequestsPerMinute => "requests-per-minute",
            Self::TokensPerMinute => "tokens-per-minute",
            Self::Time => "time",
            Self::Retries => "retries",
            Self::GiveUpAfter => "give-up-after",
            Self::Corrections => "corrections",
            Self::Batch => "batch",
        }
    }

    fn set(
        self,
        settings: &mut ModelSettings,
        name: &str,
        value: &DeValue<'_>,
        at: &ConfigLocation,
    ) -> Result<(), Diagnostic> {
        let number = |range: &RangeInclusive<u64>| whole(name, value, at, range);
        let text = || match value {
            DeValue::String(text) => Ok(text.to_string()),
            other => Err(wrong_type(name, other, at.clone(), "a string")),
        };
        match self {
            Self::Url => settings.url = text()?,
            Self::Model => settings.model = text()?,
            Self::Key => settings.key = Some(text()?),
            Self::Concurrency => settings.concurrency = number(&CONCURRENCY)? as u32,
            Self::RequestsPerMinute => settings.requests_per_minute = Some(number(&RATE)?),
            Self::TokensPerMinute => settings.tokens_per_minute = Some(number(&RATE)?),
            Self::Time => settings.time = duration::read(name, value, at, &TIME)?,
            Self::Retries => settings.retries = number(&RETRIES)? as u32,
            Self::GiveUpAfter => settings.give_up_after = duration::read(name, value, at, &TIME)?,
            Self::Corrections => settings.corrections = number(&CORRECTIONS)? as u32,
            Self::Batch => match value {
                DeValue::Boolean(batch) => settings.batch = *batch,
                other => return Err(wrong_type(name, other, at.clone(), "true or false")),
            },
        }
        Ok(())
    }
}

/// Sets a key of a model, as `--set-model NAME.KEY=VALUE` gives it.
///
/// # Errors
/// The key does not exist, or the value is wrong.
pub(super) fn set(
    settings: &mut ModelSettings,
    key: &str,
    written: &str,
    at: &ConfigLocation,
) -> Result<(), Diagnostic> {
    let all = || [Setting::Url, Setting::Model].into_iter().chain(Setting::ALL);
    let Some(found) = all().find(|own| own.name() == key) else {
        let mut diagnostic = Diagnostic::new(at.clone(), format!("a model has no setting `{}`", shortened(key)));
        if let Some(meant) = nearest(key, all().map(Setting::name)) {
            diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
        }
        return Err(diagnostic.help(format!("the settings are {}", list(all().map(Setting::name), "and"))));
    };
    // Most values are not TOML, and the name of a model may look like a number; they are taken as a string.
    let text = || DeValue::String(written.into());
    let is_text = matches!(found, Setting::Url | Setting::Model | Setting::Key);
    let parsed = DeValue::parse(written.trim()).ok().map(Spanned::into_inner);
    let parsed = parsed.filter(|value| !is_text || matches!(value, DeValue::String(_)));
    found.set(settings, &format!("`{key}`"), &parsed.unwrap_or_else(text), at)?;
    settings.grant().map_err(|problem| Diagnostic::new(at.clone(), format!("the model cannot be used: {problem}")))?;
    Ok(())
}
