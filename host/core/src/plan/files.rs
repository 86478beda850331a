//! The files of sources and sinks, and checks of their paths.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};

use super::replacements::Replacements;
use crate::component::StepKind;
use crate::config::path_setting::PathSetting;
use crate::config::source::NestedValues;
use crate::config::{
    Config, ConfigLocation, DEFAULT_BATCH_ROWS, Diagnostic, DroppedTable, Located, RejectsTable, SampleBy, SinkTable,
    SourceTable, StepTable,
};
use crate::format::{Compression, Format, NonFinite};
use crate::lockfile::Lock;
use crate::os::FileId;
use crate::policy::MaxRejects;
use crate::sink::{self, SinkLocation, SinkSpec};
use crate::source::{self, SourceLocation, SourcePath, SourceSpec};

pub(super) fn source_spec(table: &SourceTable, batch_rows: usize) -> SourceSpec {
    let location = if table.is_standard() {
        SourceLocation::Stdin
    } else {
        let path = |path: &Located<PathSetting>| SourcePath { base: path.base.clone(), written: path.written.clone() };
        SourceLocation::Paths(table.paths.iter().map(path).collect())
    };
    let columns = table.columns.iter().flat_map(|columns| &columns.value);
    SourceSpec {
        compression: table.compression.as_ref().map(|compression| compression.value),
        max_row: table.max_row.as_ref().map_or(source::DEFAULT_MAX_ROW, |row| row.value),
        max_window: table.max_window.as_ref().map_or(source::DEFAULT_MAX_WINDOW, |window| window.value),
        csv: table.csv.as_ref().map(|csv| csv.value.clone()).unwrap_or_default(),
        json: table.json.as_ref().map(|json| json.value.clone()).unwrap_or_default(),
        hive: table.hive.as_ref().is_some_and(|hive| hive.value),
        on_bad_row: table.on_bad_row.as_ref().map(|action| action.value).unwrap_or_default(),
        columns: columns.clone().map(|column| (column.name.value.clone(), column.data_type.value)).collect(),
        nested: columns.filter_map(|column| Some((column.name.value.clone(), column.nested.clone()?))).collect(),
        infers_nested: table.nested.as_ref().is_some_and(|nested| nested.value == NestedValues::Arrow),
        ..SourceSpec::new(location, table.format.value, batch_rows)
    }
}

pub(super) fn sink_spec(table: &SinkTable, schema: SchemaRef) -> SinkSpec {
    let path = &table.path;
    let location = if path.is_standard() { SinkLocation::Stdout } else { SinkLocation::Path(path.path()) };
    let from_extension =
        || if path.is_standard() { Compression::None } else { Compression::from_output_path(&path.path()) };
    let compression = table.compression.as_ref().map_or_else(from_extension, |compression| compression.value);
    let non_finite = table.nan.as_ref().map_or(NonFinite::Error, |nan| nan.value);
    SinkSpec { location, format: table.format.value, compression, non_finite, schema }
}

/// The reject file, and the maximum number of rows in it.
pub(crate) struct Rejects {
    pub(crate) spec: SinkSpec,
    pub(crate) max_rejects: Option<MaxRejects>,
}

/// The file for a sample of dropped rows.
pub(crate) struct Dropped {
    pub(crate) spec: SinkSpec,
    pub(crate) sample: u64,
    pub(crate) by: SampleBy,
}

/// The role of an output file.
#[derive(Clone, Copy)]
enum OutputRole {
    Sink,
    Rejects,
    Dropped,
}

impl OutputRole {
    fn name(self) -> &'static str {
        match self {
            Self::Sink => "output",
            Self::Rejects => "reject file",
            Self::Dropped => "file for dropped rows",
        }
    }
}

/// The reject file. Its columns are the same in every pipeline, so it needs no schema.
pub(super) fn rejects(table: &RejectsTable) -> Rejects {
    let max_rejects = table.max_rejects.as_ref().map(|max_rejects| max_rejects.value);
    Rejects { spec: lines_spec(&table.path), max_rejects }
}

/// The file for dropped rows.
pub(super) fn dropped(table: &DroppedTable) -> Dropped {
    Dropped { spec: lines_spec(&table.path), sample: table.sample, by: table.by }
}

/// A file of lines that Stillbox makes itself.
fn lines_spec(path: &PathSetting) -> SinkSpec {
    let path = path.path();
    let compression = Compression::from_output_path(&path);
    let schema = Arc::new(Schema::empty());
    SinkSpec {
        location: SinkLocation::Path(path),
        format: Format::JsonLines,
        compression,
        non_finite: NonFinite::Error,
        schema,
    }
}

/// Reports `[dropped]` in a pipeline without steps that drop rows. Steps that could not be loaded have no kind.
pub(super) fn check_dropped(config: &Config, kinds: &[Option<StepKind>], diagnostics: &mut Vec<Diagnostic>) {
    let Some(dropped) = &config.dropped else { return };
    if kinds.iter().all(|kind| kind.is_some_and(|kind| kind != StepKind::Transform)) {
        let message = "[dropped] has no effect, because the pipeline has no step of kind transform";
        let help =
            "remove it: sources and aggregates make other rows than they get, so none of theirs counts as dropped";
        diagnostics.push(Diagnostic::new(dropped.path.location.clone(), message).help(help));
    }
}

/// Reports sinks and reject files that are also inputs or have several writers.
pub(super) fn check(
    config: &Config,
    inputs: &[PathBuf],
    replacements: &Replacements,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut outputs: Vec<PathBuf> = Vec::new();
    let reads_files = |index: &usize| replacements.source(config, *index).is_none();
    let from_files = (0..config.sources.len()).filter(reads_files).map(|index| &config.sources[index]);
    for source in from_files.filter(|source| source.is_standard()).skip(1) {
        let diagnostic = Diagnostic::new(source.path_location().clone(), "two sources read standard input");
        diagnostics.push(diagnostic.help("use a file for all but one of them"));
    }
    let writes_file = |index: &usize| replacements.sink(config, *index).is_none();
    let to_files = (0..config.sinks.len()).filter(writes_file).map(|index| &config.sinks[index]);
    let sinks = to_files.map(|sink| (&sink.path, OutputRole::Sink));
    let rejects = config.rejects.iter().map(|rejects| (&rejects.path, OutputRole::Rejects));
    let dropped = config.dropped.iter().map(|dropped| (&dropped.path, OutputRole::Dropped));
    for (path_setting, output) in sinks.chain(rejects).chain(dropped) {
        let path = if path_setting.is_standard() { PathBuf::from("-") } else { path_setting.path() };
        let shown = path.display();
        if !path_setting.is_standard() && inputs.iter().any(|input| is_same_file(input, &path)) {
            let message = format!("the {} {shown} is also the input", output.name());
            let help = "write to another file, and move it after the run";
            diagnostics.push(Diagnostic::new(path_setting.location.clone(), message).help(help));
        }
        if !path_setting.is_standard()
            && let Some(part) = part_of_pipeline(config, &path)
        {
            let message = format!("{shown} is {part}, and a run would replace it");
            let help = "write to another file";
            diagnostics.push(Diagnostic::new(path_setting.location.clone(), message).help(help));
        }
        if outputs.iter().any(|other| other == &path || is_same_file(other, &path)) {
            let (message, help) = match output {
                OutputRole::Sink => (format!("two sinks write to {shown}"), "use a separate path for each sink"),
                OutputRole::Rejects => (
                    format!("the reject file {shown} is also the output of a sink"),
                    "use a separate file for rejected rows",
                ),
                OutputRole::Dropped => (
                    format!("the file for dropped rows {shown} is also another output"),
                    "use a separate file for dropped rows",
                ),
            };
            diagnostics.push(Diagnostic::new(path_setting.location.clone(), message).help(help));
        }
        outputs.push(path);
    }
}

/// Returns which part of the pipeline a path is, if it is one: the pipeline file, a component, the lock of an output, or a source
/// or case of a step whose folder is built.
fn part_of_pipeline(config: &Config, path: &Path) -> Option<String> {
    let is = |other: &Path| is_same_file(path, other) || is_same_inode(path, other);
    if is(&config.file) {
        return Some("the pipeline file".into());
    }
    let name = |step: &StepTable| format!("step \"{}\"", step.name.value);
    let component = config.steps.iter().find(|step| is(&step.component.path()));
    if let Some(step) = component {
        return Some(format!("the component of {}", name(step)));
    }
    if sink::is_lock_path(path) {
        return Some("a lock of an output".into());
    }
    let path = dunce::canonicalize(path).ok()?;
    let sources = |step: &&StepTable| {
        let folder = dunce::canonicalize(step.component.path()).ok().filter(|folder| folder.is_dir());
        folder.is_some_and(|folder| {
            let within = path.strip_prefix(&folder).ok().and_then(|within| within.components().next());
            let first = within.map(|first| first.as_os_str().to_owned());
            let is_code = path.extension().is_some_and(|ending| CODE.iter().any(|code| ending == *code));
            first.is_some_and(|first| is_code || SOURCES.iter().any(|source| first == *source))
        })
    };
    config.steps.iter().find(sources).map(|step| format!("a source of {}", name(step)))
}

/// The files and folders in the folder of a step that its author has written.
const SOURCES: [&str; 6] = ["src", "cases", "Cargo.toml", "Cargo.lock", "pyproject.toml", "package.json"];
/// The endings of files with code, wherever they are in that folder.
const CODE: [&str; 6] = ["js", "mjs", "mts", "py", "rs", "ts"];

/// Returns the error of a file that the caller writes, by the option that names it, if the pipeline reads or writes it, too.
pub(crate) fn check_reserved(config: &Config, (option, file): &(String, PathBuf)) -> Option<Diagnostic> {
    let is = |path: &Path| is_same_file(path, file) || is_same_inode(path, file);
    let inputs = || {
        config
            .sources
            .iter()
            .flat_map(|source| source::matching_paths(&source_spec(source, DEFAULT_BATCH_ROWS).location))
    };
    let sinks = || config.sinks.iter().filter(|sink| !sink.path.is_standard());
    let what = if is(&config.file) {
        "the pipeline file"
    } else if inputs().any(|path| is(&path)) {
        "an input"
    } else if config.steps.iter().any(|step| is(&step.component.path())) {
        "a component"
    } else if sinks().any(|sink| is(&sink.path.path())) {
        "the output of a sink"
    } else if config.rejects.iter().any(|rejects| is(&rejects.path.path())) {
        "the reject file"
    } else if config.dropped.iter().any(|dropped| is(&dropped.path.path())) {
        "the file for dropped rows"
    } else if is(&Lock::path_for(&config.file)) {
        "the lock"
    } else {
        return None;
    };
    let shown = file.display();
    let location = ConfigLocation::Argument(format!("{option} {shown}").into());
    let diagnostic = Diagnostic::new(location, format!("the file of `{option}`, {shown}, is also {what}"));
    Some(diagnostic.help("use a separate file"))
}

/// Whether two paths are the same inode, such as hard links to a file.
fn is_same_inode(a: &Path, b: &Path) -> bool {
    let identity = |path: &Path| path.is_file().then(|| FileId::of(path).ok()).flatten();
    identity(a).is_some_and(|a| identity(b) == Some(a))
}

/// Whether two paths are the same regular file.
fn is_same_file(a: &Path, b: &Path) -> bool {
    match (dunce::canonicalize(a), dunce::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b && a.is_file(),
        // A file that does not exist yet has no canonical path. Its folder shows whether both will be the same.
        _ => future_path(a).is_some_and(|a| future_path(b) == Some(a)),
    }
}

/// The canonical path at which a missing file would be created.
fn future_path(path: &Path) -> Option<PathBuf> {
    let path = sink::resolve_links(path).ok()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(dunce::canonicalize(folder).ok()?.join(path.file_name()?))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn diagnostics_for(sink: &str, rejects: &str, inputs: &[&str]) -> String {
        let text = format!(
            "[pipeline]\nname = \"x\"\n[[source]]\npath = \"in.jsonl\"\n[[sink]]\npath = \"{sink}\"\n[rejects]\npath = \"{rejects}\"\n"
        );
        let config = Config::parse(Path::new("p.toml"), &text).expect("it is right");
        let inputs: Vec<PathBuf> = inputs.iter().map(PathBuf::from).collect();
        let mut diagnostics = Vec::new();
        check(&config, &inputs, &Replacements::default(), &mut diagnostics);
        config.diagnostics(diagnostics).to_string()
    }

    #[test]
    fn an_output_is_no_part_of_the_pipeline() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("step/cases/one")).unwrap();
        for name in ["p.toml", "step/cases/one/input.jsonl", "step/out.jsonl", "guest.wasm"] {
            fs::write(path(name), "").unwrap();
        }
        let text = "[pipeline]\nname = \"x\"\n[[source]]\npath = \"in.jsonl\"\n[[step]]\nname = \"a\"\ncomponent = \"step\"\n\
                    [[step]]\nname = \"b\"\ncomponent = \"guest.wasm\"\n[[sink]]\npath = \"out.jsonl\"\n";
        let config = Config::parse(&path("p.toml"), text).expect("it is right");
        let part = |name: &str| part_of_pipeline(&config, &path(name));
        assert_eq!(part("p.toml").as_deref(), Some("the pipeline file"));
        assert_eq!(part("guest.wasm").as_deref(), Some("the component of step \"b\""));
        assert_eq!(part("step/cases/one/input.jsonl").as_deref(), Some("a source of step \"a\""));
        assert_eq!(part(".out.jsonl.stillbox-lock").as_deref(), Some("a lock of an output"));
        assert_eq!((part("step/out.jsonl"), part("out.jsonl")), (None, None));
        // A link is the file that it leads to.
        std::os::unix::fs::symlink(path("guest.wasm"), path("link.jsonl")).unwrap();
        assert_eq!(part("link.jsonl").as_deref(), Some("the component of step \"b\""));
    }

    #[test]
    fn a_reject_file_is_a_file_of_its_own() {
        assert_eq!(diagnostics_for("out.jsonl", "rejects.jsonl", &["in.jsonl"]), "");
        insta::assert_snapshot!(diagnostics_for("out.jsonl", "./out.jsonl", &["in.jsonl"]), @"p.toml:8:8: the reject file ./out.jsonl is also the output of a sink (use a separate file for rejected rows)");
        insta::assert_snapshot!(diagnostics_for("out.jsonl", "in.jsonl", &["a.jsonl", "in.jsonl"]), @"p.toml:8:8: the reject file in.jsonl is also the input (write to another file, and move it after the run)");
        insta::assert_snapshot!(diagnostics_for("in.jsonl", "rejects.jsonl", &["in.jsonl"]), @"p.toml:6:8: the output in.jsonl is also the input (write to another file, and move it after the run)");
    }
}
