//! The pipeline file, parsed and checked key by key.
//!
//! Parsing depends on the text alone; no other file is read. All problems are reported at once, each with its line and
//! column. The plan checks the rest: whether files exist, whether the names in `from` exist, and whether steps accept
//! their parameters. Settings that the plan may report carry their location in the file.

pub(crate) mod allow;
pub(crate) mod batch_rows;
pub mod case;
pub(crate) mod columns;
pub(crate) mod combine;
pub(crate) mod component_setting;
pub(crate) mod condition;
mod csv;
mod diagnostic;
mod dropped;
mod duration;
mod encoding;
mod entry;
mod error;
mod format;
pub(crate) mod from;
pub(crate) mod instance;
mod json;
mod limits;
mod line_index;
mod load;
pub(crate) mod location;
pub(crate) mod model;
mod model_arguments;
mod model_references;
mod name;
pub(crate) mod names;
mod on_failure;
mod overrides;
mod parameters;
mod parse_context;
pub(crate) mod path_setting;
mod pipeline;
mod policy;
pub(crate) mod projection;
mod rejects;
pub(crate) mod route;
mod run_time;
mod secrets;
mod sink;
mod size;
pub(crate) mod source;
mod step;
pub(crate) mod step_models;
mod step_settings;
mod suggestion;
mod table;
#[cfg(test)]
mod tests;
pub(crate) mod until;
mod untrusted;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(crate) use allow::AllowTable;
pub(crate) use batch_rows::DEFAULT_BATCH_ROWS;
pub use diagnostic::{Diagnostic, Diagnostics};
pub(crate) use dropped::{DroppedTable, SampleBy};
pub use error::ConfigError;
pub use location::ConfigLocation;
pub(crate) use location::Located;
pub use model_arguments::models_from_arguments;
pub use overrides::Overrides;
pub use parameters::Parameters;
pub(crate) use pipeline::PipelineTable;
pub(crate) use rejects::RejectsTable;
pub(crate) use secrets::SecretsTable;
pub(crate) use sink::SinkTable;
pub(crate) use source::SourceTable;
pub(crate) use step::StepTable;
pub use step_settings::StepSettings;
pub use suggestion::nearest;

use crate::limits::LimitSettings;
use crate::model::ModelSettings;
use parse_context::ParseContext;
use table::{Table, TableEntry, kind};

/// A parsed pipeline file. It has at least one sink, and at least one source or step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// The path of the file, as the user wrote it.
    pub(crate) file: PathBuf,
    /// The text of the file without a byte order mark. Locations are byte offsets into it.
    pub(crate) text: Arc<str>,
    /// `[pipeline]`.
    pub(crate) pipeline: PipelineTable,
    /// Every `[[source]]`, in the order of the file.
    pub(crate) sources: Vec<SourceTable>,
    /// Every `[[step]]`, in the order of the file.
    pub(crate) steps: Vec<StepTable>,
    /// Every `[[sink]]`, in the order of the file.
    pub(crate) sinks: Vec<SinkTable>,
    /// `[rejects]`. Always present if a source or a step rejects rows.
    pub(crate) rejects: Option<RejectsTable>,
    /// `[dropped]`.
    pub(crate) dropped: Option<DroppedTable>,
    /// `[secrets]`.
    pub(crate) secrets: SecretsTable,
    /// Whether grants, models and secrets were [removed](Self::untrusted).
    pub(crate) is_untrusted: bool,
    /// Every `[[model]]`, in the order of the file.
    pub(crate) models: Vec<Located<ModelSettings>>,
}

impl Config {
    /// Parses the text of a pipeline file. Relative paths in it start from the folder of `file`.
    ///
    /// # Errors
    /// All problems in the text: invalid TOML, unknown and missing keys, values of the wrong type or out of range.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Self, Diagnostics> {
        let text: Arc<str> = text.strip_prefix('\u{feff}').unwrap_or(text).into();
        let base = file.parent().unwrap_or(Path::new(""));
        let (document, errors) = DeTable::parse_recoverable(&text);
        let mut context = ParseContext::new(&text, base, &errors);
        let tables = read(&document, &mut context);
        let diagnostics = context.into_diagnostics();
        match tables {
            Some((pipeline, sources, steps, sinks, (rejects, dropped), secrets, models)) if diagnostics.is_empty() => {
                let (file, text) = (file.to_owned(), Arc::clone(&text));
                Ok(Self {
                    file,
                    text,
                    pipeline,
                    sources,
                    steps,
                    sinks,
                    rejects,
                    dropped,
                    secrets,
                    is_untrusted: false,
                    models,
                })
            }
            _ => Err(Diagnostics::new(file, Arc::clone(&text), diagnostics)),
        }
    }

    /// Returns the name of a source: the one in the file, or `source`, or `source-2` if there are several.
    pub(crate) fn source_name(&self, index: usize) -> Arc<str> {
        node_name(self.sources[index].name.as_ref(), "source", index, self.sources.len())
    }

    /// Returns the name of a sink: the one in the file, or `sink`, or `sink-2` if there are several.
    pub(crate) fn sink_name(&self, index: usize) -> Arc<str> {
        node_name(self.sinks[index].name.as_ref(), "sink", index, self.sinks.len())
    }

    /// Diagnostics of a later stage about this file.
    pub(crate) fn diagnostics(&self, list: Vec<Diagnostic>) -> Diagnostics {
        Diagnostics::new(&self.file, Arc::clone(&self.text), list)
    }
}

fn node_name(name: Option<&Located<String>>, kind: &str, index: usize, count: usize) -> Arc<str> {
    match name {
        Some(name) => name.as_str().into(),
        None if count == 1 => kind.into(),
        None => format!("{kind}-{}", index + 1).into(),
    }
}

/// The JSON Schema of the pipeline file, for editors. It knows every key, and of values the types and most of the bounds.
pub const PIPELINE_SCHEMA: &str = include_str!("../pipeline.schema.json");

type Tables = (
    PipelineTable,
    Vec<SourceTable>,
    Vec<StepTable>,
    Vec<SinkTable>,
    (Option<RejectsTable>, Option<DroppedTable>),
    SecretsTable,
    Vec<Located<ModelSettings>>,
);

/// Reads all tables of the file. Tables with problems are missing from the result and have a diagnostic.
fn read(document: &Spanned<DeTable<'_>>, context: &mut ParseContext<'_>) -> Option<Tables> {
    let mut root = Table::new("", 0..0, document.get_ref());
    let limits = limits::read(&mut root, "[limits]", ConfigLocation::File, context);
    let pipeline = read_pipeline(&mut root, limits, context);
    let no_source = Diagnostic::new(ConfigLocation::File, "the pipeline has no [[source]]")
        .help("add a [[source]] with a `path` that rows are read from");
    // A step may be a source. Only its component knows, so the plan checks for a missing source again.
    let sources = if root.has("step") { root.take("source") } else { root.require_or("source", no_source) };
    let sources = read_each(sources, "source", "[[source]]", source::read, context);
    let steps = read_each(root.take("step"), "step", "[[step]]", step::read, context);
    let no_sink = Diagnostic::new(ConfigLocation::File, "the pipeline has no [[sink]]")
        .help("add a [[sink]] with a `path` that rows are written to");
    let sinks = root.require_or("sink", no_sink);
    let sinks = read_each(sinks, "sink", "[[sink]]", sink::read, context);
    let rejects = match rejects::needed(&sources, &steps) {
        Some(diagnostic) => root.require_or("rejects", diagnostic),
        None => root.take("rejects"),
    };
    let rejects = rejects.and_then(|entry| {
        let table = only_table("[rejects]", entry, context)?;
        rejects::read(table, context)
    });
    let dropped = root.take("dropped").and_then(|entry| {
        let table = only_table("[dropped]", entry, context)?;
        dropped::read(table, context)
    });
    let secrets = secrets::read(&mut root, context);
    secrets::check(&steps, &secrets, context);
    let models = read_each(root.take("model"), "model", "[[model]]", model::read, context);
    model_references::check(&steps, &models, &secrets, context);
    root.finish(context);
    Some((pipeline?, sources, steps, sinks, (rejects, dropped), secrets, models))
}

fn read_pipeline(
    root: &mut Table<'_>,
    limits: Located<LimitSettings>,
    context: &mut ParseContext<'_>,
) -> Option<PipelineTable> {
    let none = Diagnostic::new(ConfigLocation::File, "the file has no [pipeline]")
        .help("start it with the line [pipeline] and a line such as `name = \"clean-text\"`");
    let entry = root.require_or("pipeline", none)?;
    pipeline::read(only_table("[pipeline]", entry, context)?, limits, context)
}

/// A table that occurs once, such as `[pipeline]`.
fn only_table<'t>(title: &'static str, entry: TableEntry<'t>, context: &mut ParseContext<'_>) -> Option<Table<'t>> {
    let DeValue::Table(entries) = entry.value else {
        context.push(misshapen(title, entry.value, entry.span));
        return None;
    };
    Some(Table::new(title, entry.span, entries))
}

/// Reads each table of an array of tables.
fn read_each<T>(
    entry: Option<TableEntry<'_>>,
    key: &'static str,
    title: &'static str,
    read: impl Fn(Table<'_>, &mut ParseContext<'_>) -> Option<T>,
    context: &mut ParseContext<'_>,
) -> Vec<T> {
    let Some(entry) = entry else {
        return Vec::new();
    };
    match entry.value {
        DeValue::Array(tables) if tables.is_empty() => {
            let diagnostic = Diagnostic::new(ConfigLocation::Span(entry.span), format!("`{key}` is an empty array"));
            context.push(diagnostic.help(format!("start each {key} with the line {title}, or remove the key")));
            Vec::new()
        }
        DeValue::Array(tables) => {
            let mut all = Vec::with_capacity(tables.len());
            for table in tables {
                match table.get_ref() {
                    DeValue::Table(entries) => all.extend(read(Table::new(title, table.span(), entries), context)),
                    other => context.push(misshapen(title, other, table.span())),
                }
            }
            all
        }
        DeValue::Table(entries) => {
            // The content is parsed anyway, so that its problems are reported in the same run.
            context.push(misshapen(title, entry.value, entry.span.clone()));
            read(Table::new(title, entry.span, entries), context).into_iter().collect()
        }
        other => {
            context.push(misshapen(title, other, entry.span));
            Vec::new()
        }
    }
}

fn misshapen(title: &str, value: &DeValue<'_>, span: Range<usize>) -> Diagnostic {
    let found = if let DeValue::Table(_) = value { "a single table" } else { kind(value) };
    Diagnostic::new(ConfigLocation::Span(span), format!("expected {title}, found {found}"))
        .label(format!("expected {title}"))
        .help(format!("start it with the line {title}"))
}
