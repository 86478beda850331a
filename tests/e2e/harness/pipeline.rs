//! Pipeline files, built table by table.

use std::fmt::{self, Display};

/// A pipeline file. It is called `test`, reads `input.jsonl` and writes `output.jsonl`, unless a test says otherwise:
///
/// ```ignore
/// PipelineFile::new()
///     .batch_rows(2)
///     .add(source("input.csv").name("texts"))
///     .add(step("add_column").name("length").from(&["texts"]).limits("time = \"1s\""))
///     .add(sink("length.csv").from(&["length"]))
///     .rejects()
/// ```
///
/// A test whose subject is the text of a pipeline file has that text instead.
#[derive(Clone)]
pub(crate) struct PipelineFile {
    name: String,
    limits: Option<String>,
    batch_rows: Option<usize>,
    time: Option<String>,
    until: Option<String>,
    tables: Vec<Table>,
    has_default_source: bool,
    rest: Vec<String>,
}

/// A source, a step or a sink.
#[derive(Clone)]
pub(crate) struct Table {
    kind: Kind,
    name: Option<String>,
    /// The lines after the name.
    lines: Vec<String>,
    /// Tables within this one, which come after its own lines.
    tables: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Source,
    Step,
    Sink,
}

/// A pipeline from a file through guests to a file. Each step is called like its guest.
pub(crate) fn pipeline(input: &str, guests: &[&str], output: &str) -> PipelineFile {
    let source = PipelineFile::new().add(source(input));
    guests.iter().fold(source, |pipeline, guest| pipeline.add(step(guest))).add(sink(output))
}

/// A source that reads files.
pub(crate) fn source(path: &str) -> Table {
    Table::new(Kind::Source, None, "path", path)
}

/// A step that is called like its guest.
pub(crate) fn step(guest: &str) -> Table {
    component_step(guest, &format!("{guest}.wasm"))
}

/// A step with a component at this path.
pub(crate) fn component_step(name: &str, component: &str) -> Table {
    Table::new(Kind::Step, Some(name), "component", component)
}

/// A sink that writes a file.
pub(crate) fn sink(path: &str) -> Table {
    Table::new(Kind::Sink, None, "path", path)
}

impl Table {
    fn new(kind: Kind, name: Option<&str>, key: &str, value: &str) -> Self {
        Self { kind, name: name.map(str::to_owned), lines: Vec::new(), tables: Vec::new() }
            .set(key, format_args!("{value:?}"))
    }

    pub(crate) fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Adds a setting. The value is TOML.
    pub(crate) fn set(mut self, key: &str, value: impl Display) -> Self {
        self.lines.push(format!("{key} = {value}"));
        self
    }

    /// The nodes whose rows come in.
    pub(crate) fn from(self, nodes: &[&str]) -> Self {
        match nodes {
            [node] => self.set("from", format_args!("{node:?}")),
            nodes => self.set("from", format_args!("{nodes:?}")),
        }
    }

    /// How the rows of several nodes are combined: by `rows` or by `columns`.
    pub(crate) fn combine(self, by: &str) -> Self {
        self.set("combine", format_args!("{by:?}"))
    }

    /// The inside of the table `parameters`.
    pub(crate) fn parameters(self, parameters: impl Display) -> Self {
        self.set("parameters", format_args!("{{ {parameters} }}"))
    }

    /// The inside of the table `limits`.
    pub(crate) fn limits(self, limits: impl Display) -> Self {
        self.set("limits", format_args!("{{ {limits} }}"))
    }

    /// A policy by its name, or the inside of its table, such as `retry = 2`.
    pub(crate) fn on_failure(self, policy: &str) -> Self {
        if policy.contains('=') {
            self.set("on-failure", format_args!("{{ {policy} }}"))
        } else {
            self.set("on-failure", format_args!("{policy:?}"))
        }
    }

    /// Grants requests below a URL. `more` are further lines of the grant.
    pub(crate) fn allow_http(self, url: &str, more: &str) -> Self {
        self.table(format_args!("[[step.allow.http]]\nurl = {url:?}\n{more}"))
    }

    /// Grants a folder. `more` are further lines of the grant.
    pub(crate) fn allow_dir(self, path: &str, more: &str) -> Self {
        self.table(format_args!("[[step.allow.dir]]\npath = {path:?}\n{more}"))
    }

    /// Adds a table within this one.
    pub(crate) fn table(mut self, table: impl Display) -> Self {
        self.tables.push(table.to_string());
        self
    }

    /// Keeps an instance for many batches.
    pub(crate) fn worker(self) -> Self {
        self.set("instance", "\"worker\"")
    }

    /// Caches the results of the step.
    pub(crate) fn cached(self) -> Self {
        self.set("cache", true)
    }

    /// The format of a file whose name does not say it.
    pub(crate) fn format(self, format: &str) -> Self {
        self.set("format", format_args!("{format:?}"))
    }

    /// The columns that pass.
    pub(crate) fn select(self, columns: &[&str]) -> Self {
        self.set("select", format_args!("{columns:?}"))
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Source => "source",
            Kind::Step => "step",
            Kind::Sink => "sink",
        };
        writeln!(f, "\n[[{kind}]]")?;
        if let Some(name) = &self.name {
            writeln!(f, "name = {name:?}")?;
        }
        self.lines.iter().chain(&self.tables).try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl PipelineFile {
    pub(crate) fn new() -> Self {
        let (name, rest) = ("test".to_owned(), Vec::new());
        let (limits, batch_rows, time, until, tables) = (None, None, None, None, Vec::new());
        Self { name, limits, batch_rows, time, until, tables, has_default_source: true, rest }
    }

    pub(crate) fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    pub(crate) fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = Some(rows);
        self
    }

    /// The time limit of the whole run.
    pub(crate) fn time(mut self, time: &str) -> Self {
        self.time = Some(time.to_owned());
        self
    }

    /// The table `until`.
    pub(crate) fn until(mut self, until: &str) -> Self {
        self.until = Some(until.to_owned());
        self
    }

    /// The inside of the table `limits`, which is for all steps.
    pub(crate) fn limits(mut self, limits: &str) -> Self {
        self.limits = Some(limits.to_owned());
        self
    }

    /// Adds a source, a step or a sink. Sources come first in the file, and sinks last. The first source replaces `input.jsonl`, the first sink `output.jsonl`.
    pub(crate) fn add(mut self, table: Table) -> Self {
        self.tables.push(table);
        self
    }

    /// Leaves out the source, because a step makes the rows.
    pub(crate) fn without_source(mut self) -> Self {
        self.has_default_source = false;
        self
    }

    /// Writes rejected rows to `rejects.jsonl`.
    pub(crate) fn rejects(self) -> Self {
        self.toml("[rejects]\npath = \"rejects.jsonl\"")
    }

    /// Adds TOML at the end.
    pub(crate) fn toml(mut self, text: &str) -> Self {
        self.rest.push(text.to_owned());
        self
    }
}

impl Display for PipelineFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(limits) = &self.limits {
            writeln!(f, "limits = {{ {limits} }}\n")?;
        }
        writeln!(f, "[pipeline]\nname = {:?}", self.name)?;
        if let Some(rows) = self.batch_rows {
            writeln!(f, "batch-rows = {rows}")?;
        }
        if let Some(time) = &self.time {
            writeln!(f, "time = {time:?}")?;
        }
        if let Some(until) = &self.until {
            writeln!(f, "until = {until}")?;
        }
        for kind in [Kind::Source, Kind::Step, Kind::Sink] {
            let tables: Vec<&Table> = self.tables.iter().filter(|table| table.kind == kind).collect();
            match (kind, &tables[..]) {
                (Kind::Source, []) if self.has_default_source => write!(f, "{}", source("input.jsonl"))?,
                (Kind::Sink, []) => write!(f, "{}", sink("output.jsonl"))?,
                (_, tables) => tables.iter().try_for_each(|table| write!(f, "{table}"))?,
            }
        }
        self.rest.iter().try_for_each(|text| writeln!(f, "\n{text}"))
    }
}
