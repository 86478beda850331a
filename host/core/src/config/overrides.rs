//! Settings of the command line that replace those of the pipeline file.

use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::{Diagnostic, Diagnostics};
use super::format::{self, Direction};
use super::limits::Limit;
use super::location::{ConfigLocation, Located};
use super::model;
use super::parameters;
use super::parse_context::shortened;
use super::path_setting::PathSetting;
use super::rejects;
use super::suggestion::nearest;
use super::table::list;
use super::{Config, SourceTable, StepTable, run_time};
use crate::format::{Compression, Format};
use crate::grants::{Grant, Grants};

/// Settings that replace those of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overrides {
    /// Parameters of steps, each as `STEP.PARAMETER=VALUE`, or `STEP.TABLE.PARAMETER=VALUE` for a parameter in a table. A
    /// value that parses as TOML (`5`, `true`, `"5"`, `["a", "b"]`, `{ a = 1 }`) is that value; any other is a string. The
    /// last one for a parameter applies.
    pub set: Vec<String>,
    /// Limits of steps, each as `STEP.NAME=VALUE`, such as `filter.memory=256MiB` or `filter.time=1m30s`. The names and
    /// values are those of `limits` in the pipeline file. The last one for a limit applies.
    pub limit: Vec<String>,
    /// Settings of models, each as `MODEL.KEY=VALUE`, such as `writer.url=http://localhost:8000/v1`. The keys and values are those of
    /// `[[model]]` in the pipeline file. The last one for a key applies.
    pub set_model: Vec<String>,
    /// The maximum number of rejected rows in a run that succeeds: a number of rows such as `100`, or a percentage of the
    /// rows read such as `1%`. Replaces `max-rejects`. Has no effect on a pipeline without `[rejects]`, which rejects no
    /// rows.
    pub max_rejects: Option<String>,
    /// The time limit of the whole run, such as `10m`. Replaces `time` of `[pipeline]`.
    pub time: Option<String>,
    /// The path of the only source, relative to the current directory; `-` is standard input.
    ///
    /// A known file extension determines format and compression, regardless of the settings in the file. For any other
    /// extension, and for `-`, `format` and `compression` of the file apply; without a `format`, `-` is JSON Lines.
    pub input: Option<PathBuf>,
    /// The path of the only sink, relative to the current directory; `-` is standard output. The format is determined as
    /// for `input`.
    pub output: Option<PathBuf>,
    /// Grants for all steps, in addition to those of the file.
    pub allow: Grants,
}

impl Overrides {
    /// No replacement.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter of a step, such as `filter.min-words=5`; see the field [`set`](field@Self::set).
    #[must_use]
    pub fn set(mut self, argument: impl Into<String>) -> Self {
        self.set.push(argument.into());
        self
    }

    /// Adds a limit of a step, such as `filter.memory=256MiB`; see the field [`limit`](field@Self::limit).
    #[must_use]
    pub fn limit(mut self, argument: impl Into<String>) -> Self {
        self.limit.push(argument.into());
        self
    }

    /// Adds a setting of a model, such as `writer.url=http://localhost:8000/v1`; see the field
    /// [`set_model`](field@Self::set_model).
    #[must_use]
    pub fn set_model(mut self, argument: impl Into<String>) -> Self {
        self.set_model.push(argument.into());
        self
    }

    /// Replaces the maximum number of rejected rows; see the field [`max_rejects`](field@Self::max_rejects).
    #[must_use]
    pub fn max_rejects(mut self, max_rejects: impl Into<String>) -> Self {
        self.max_rejects = Some(max_rejects.into());
        self
    }

    /// Limits the time of the whole run; see the field [`time`](field@Self::time).
    #[must_use]
    pub fn time(mut self, time: impl Into<String>) -> Self {
        self.time = Some(time.into());
        self
    }

    /// Replaces the path of the only source; see the field [`input`](field@Self::input).
    #[must_use]
    pub fn input(mut self, path: impl Into<PathBuf>) -> Self {
        self.input = Some(path.into());
        self
    }

    /// Adds a grant for all steps; see the field [`allow`](field@Self::allow).
    #[must_use]
    pub fn allow(mut self, grant: impl Into<Grant>) -> Self {
        self.allow.add(grant);
        self
    }

    /// Replaces the path of the only sink; see the field [`output`](field@Self::output).
    #[must_use]
    pub fn output(mut self, path: impl Into<PathBuf>) -> Self {
        self.output = Some(path.into());
        self
    }
}

/// The form of `--set-model`.
pub(super) const MODEL_FORM: &str = "write it as MODEL.KEY=VALUE, such as writer.url=http://localhost:8000/v1";

impl Config {
    /// Applies the settings of the command line.
    ///
    /// # Errors
    /// All problems of the settings: an unknown step or limit, a form other than `STEP.PARAMETER=VALUE`, an invalid value,
    /// a path although the pipeline has several sources or sinks, a path of unknown format.
    pub(crate) fn with(mut self, overrides: &Overrides) -> Result<Self, Diagnostics> {
        let mut diagnostics = Vec::new();
        for argument in &overrides.set {
            diagnostics.extend(self.set(argument).err());
        }
        for argument in &overrides.limit {
            diagnostics.extend(self.set_limit(argument).err());
        }
        for argument in &overrides.set_model {
            diagnostics.extend(self.set_model(argument).err());
        }
        if let Some(written) = &overrides.max_rejects {
            diagnostics.extend(self.set_max_rejects(written).err());
        }
        match overrides.time.as_deref().map(run_time::from_argument) {
            Some(Ok(time)) => self.pipeline.time = Some(time),
            Some(Err(diagnostic)) => diagnostics.push(diagnostic),
            None => {}
        }
        if let Some(path) = &overrides.input {
            diagnostics.extend(self.set_input(path).err());
        }
        if let Some(path) = &overrides.output {
            diagnostics.extend(self.set_output(path).err());
        }
        self.steps.iter_mut().for_each(|step| step.allow.add(&overrides.allow));
        if diagnostics.is_empty() { Ok(self) } else { Err(self.diagnostics(diagnostics)) }
    }

    fn set(&mut self, argument: &str) -> Result<(), Diagnostic> {
        const FORM: &str = "write it as STEP.PARAMETER=VALUE, such as filter.min-words=5";
        let location = ConfigLocation::Argument(format!("--set {}", shortened(argument)).into());
        let malformed = |wrong: &str| Diagnostic::new(location.clone(), wrong).help(FORM);
        let [step, path, written] = divided(argument, "step", malformed)?;
        let path: Vec<&str> = path.split('.').collect();
        if step.is_empty() || path.iter().any(|key| key.is_empty()) {
            return Err(malformed("the name of the step or of the parameter is empty"));
        }
        let value = value(written, &location)?;

        self.step(step, &location)?.parameters.set(&path, value, &location).map_err(|tables| {
            let message = format!("`{}` of step \"{step}\" is not a table", path[..tables].join("."));
            Diagnostic::new(location, message).help("set the parameter itself, without the part after the dot")
        })
    }

    fn set_limit(&mut self, argument: &str) -> Result<(), Diagnostic> {
        const FORM: &str = "write it as STEP.NAME=VALUE, such as filter.memory=256MiB";
        let location = ConfigLocation::Argument(format!("--limit {}", shortened(argument)).into());
        let malformed = |wrong: &str| Diagnostic::new(location.clone(), wrong).help(FORM);
        let [step, name, written] = divided(argument, "step", malformed)?;
        let step = self.step(step, &location)?;
        let Some((_, limit)) = Limit::ALL.iter().find(|(key, _)| *key == name) else {
            let keys = || Limit::ALL.iter().map(|(key, _)| *key);
            let mut diagnostic = Diagnostic::new(location, format!("there is no limit `{}`", shortened(name)));
            if let Some(meant) = nearest(name, keys()) {
                diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
            }
            return Err(diagnostic.help(format!("the limits are {}", list(keys(), "and"))));
        };
        // Most values with a unit are not TOML; they are taken as a string.
        let text = || DeValue::String(written.into());
        let value = DeValue::parse(written.trim()).map_or_else(|_| text(), Spanned::into_inner);
        limit.set(&mut step.limits.value, &format!("`{name}`"), &value, &location)?;
        step.limits.location = location;
        Ok(())
    }

    fn set_model(&mut self, argument: &str) -> Result<(), Diagnostic> {
        let location = ConfigLocation::Argument(format!("--set-model {}", shortened(argument)).into());
        let malformed = |wrong: &str| Diagnostic::new(location.clone(), wrong).help(MODEL_FORM);
        let [name, key, written] = divided(argument, "model", malformed)?;
        let names = || self.models.iter().map(|model| model.name.as_str());
        let Some(index) = self.models.iter().position(|model| model.name == name) else {
            let mut diagnostic = Diagnostic::new(location, format!("there is no model \"{}\"", shortened(name)));
            if let Some(meant) = nearest(name, names()) {
                diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
            }
            let is_empty = self.models.is_empty();
            let all = if is_empty {
                "this pipeline has no models".into()
            } else {
                format!("the models are {}", list(names(), "and"))
            };
            return Err(diagnostic.help(all));
        };
        model::set(&mut self.models[index].value, key, written, &location)
    }

    fn set_max_rejects(&mut self, written: &str) -> Result<(), Diagnostic> {
        let location = ConfigLocation::Argument(format!("--max-rejects {}", shortened(written)).into());
        let max_rejects = rejects::read_max_rejects("the number", &DeValue::String(written.into()), &location)?;
        let Some(rejects) = &mut self.rejects else {
            let message = "the maximum number of rejected rows has no effect, because the pipeline has no [rejects]";
            return Err(Diagnostic::new(location, message).help(
                "remove the option, or add [rejects] with a `path`, and `on-failure = \"reject\"` to a step or \
                 `on-bad-row = \"reject\"` to a source",
            ));
        };
        rejects.max_rejects = Some(Located::new(max_rejects, location));
        Ok(())
    }

    /// Finds a step by its name.
    ///
    /// # Errors
    /// There is no step of this name.
    fn step(&mut self, name: &str, location: &ConfigLocation) -> Result<&mut StepTable, Diagnostic> {
        if let Some(index) = self.steps.iter().position(|step| *step.name == name) {
            return Ok(&mut self.steps[index]);
        }
        let names = || self.steps.iter().map(|step| step.name.as_str());
        let mut diagnostic = Diagnostic::new(location.clone(), format!("there is no step \"{}\"", shortened(name)));
        if let Some(meant) = nearest(name, names()) {
            diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
        }
        Err(if self.steps.is_empty() {
            diagnostic.help("this pipeline has no steps")
        } else {
            diagnostic.help(format!("the steps are {}", list(names(), "and")))
        })
    }

    fn set_input(&mut self, path: &Path) -> Result<(), Diagnostic> {
        let location = argument("--input", path);
        let [source] = self.sources.as_mut_slice() else {
            return Err(several("source", self.sources.len(), location));
        };
        let path = path_setting(path, location)?;
        let formats = Formats {
            format: source.format_is_set.then_some(&source.format),
            compression: source.compression.as_ref(),
        };
        let (format, compression) = formats.resolve(&path, Direction::Input)?;
        *source = SourceTable { paths: vec![path], format, compression, ..source.clone() };
        source.mismatches().into_iter().next().map_or(Ok(()), Err)
    }

    fn set_output(&mut self, path: &Path) -> Result<(), Diagnostic> {
        let location = argument("--output", path);
        let [sink] = self.sinks.as_mut_slice() else {
            return Err(several("sink", self.sinks.len(), location));
        };
        let path = path_setting(path, location)?;
        let formats =
            Formats { format: sink.format_is_set.then_some(&sink.format), compression: sink.compression.as_ref() };
        (sink.format, sink.compression) = formats.resolve(&path, Direction::Output)?;
        sink.path = path;
        sink.mismatches().into_iter().next().map_or(Ok(()), Err)
    }
}

/// Settings of the file for the path that is replaced.
struct Formats<'a> {
    format: Option<&'a Located<Format>>,
    compression: Option<&'a Located<Compression>>,
}

impl Formats<'_> {
    fn resolve(
        self,
        path: &Located<PathSetting>,
        direction: Direction,
    ) -> Result<(Located<Format>, Option<Located<Compression>>), Diagnostic> {
        let format_from_extension = format::from_extension(path, direction);
        if let (Ok(format), false) = (&format_from_extension, path.is_standard()) {
            return Ok((Located::new(*format, path.location.clone()), None));
        }
        let format = match (self.format, format_from_extension) {
            (Some(format), _) => format.clone(),
            (None, _) if path.is_standard() => Located::new(Format::JsonLines, path.location.clone()),
            (None, Ok(format)) => Located::new(format, path.location.clone()),
            (None, Err(diagnostic)) => return Err(diagnostic),
        };
        Ok((format, self.compression.cloned()))
    }
}

/// Divides `NAME.KEY=VALUE`, where the name is that of a step or a model. `malformed` creates the diagnostic of another form.
pub(super) fn divided<'a>(
    argument: &'a str,
    named: &str,
    malformed: impl Fn(&str) -> Diagnostic,
) -> Result<[&'a str; 3], Diagnostic> {
    let (target, written) = argument.split_once('=').ok_or_else(|| malformed("there is no `=` in it"))?;
    let missing = || malformed(&format!("there is no `.` after the name of the {named}"));
    let (name, key) = target.split_once('.').ok_or_else(missing)?;
    Ok([name, key, written])
}

/// Parses the value as TOML. Text that is not TOML is a string.
fn value(written: &str, location: &ConfigLocation) -> Result<Value, Diagnostic> {
    match DeValue::parse(written.trim()) {
        Ok(value) => parameters::from_toml(value.get_ref(), location),
        Err(_) => Ok(Value::String(written.to_owned())),
    }
}

fn argument(flag: &str, path: &Path) -> ConfigLocation {
    ConfigLocation::Argument(format!("{flag} {}", path.display()).into())
}

fn path_setting(path: &Path, location: ConfigLocation) -> Result<Located<PathSetting>, Diagnostic> {
    if path.as_os_str().is_empty() {
        return Err(Diagnostic::new(location, "the path is empty").help("give a file, or `-`"));
    }
    Ok(Located::new(PathSetting { written: path.to_owned(), base: PathBuf::new() }, location))
}

fn several(what: &str, count: usize, location: ConfigLocation) -> Diagnostic {
    Diagnostic::new(location, format!("the pipeline has {count} {what}s, and this option works with exactly one"))
        .help(format!("change the `path` of the [[{what}]] in the pipeline file"))
}
