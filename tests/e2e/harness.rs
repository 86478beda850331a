//! Runs `stillbox` in a folder of its own.

pub(crate) mod python;

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

/// The root of the repository.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// Compiled components of all tests. In the build's folder, so that the next run of the tests finds them, too.
pub(crate) const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/components");

/// A temporary folder to run the command in. Everything in it is named relative to it, so that messages are the same
/// wherever it is.
pub(crate) struct Folder(TempDir, TempDir);

/// How a run of the command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    /// Without the lines that only say that something was compiled, because that depends on earlier tests.
    pub(crate) stderr: String,
    /// What was compiled, and not found in the cache.
    pub(crate) compiled: Vec<String>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let made = || TempDir::with_prefix("stillbox-").expect("there is room for temporary files");
        Self(made(), made())
    }

    /// A folder with guests, each of which is a file of its own name: `every_type.wasm`.
    pub(crate) fn with(guests: &[&str]) -> Self {
        let folder = Self::new();
        for guest in guests {
            let name = Path::new(guest).file_name().expect("a guest is a file");
            symlink(guest, folder.path().join(name)).expect("the folder is new");
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where runs keep their state.
    pub(crate) fn state(&self) -> &Path {
        self.1.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.join(name), content).expect("the folder can be written to");
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("it is text")
    }

    /// The names of all there is, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("the folder is there");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("as above").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    /// The command, ready for arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stillbox"));
        command.current_dir(self.path()).env("STILLBOX_CACHE", CACHE).stdin(Stdio::null());
        command.env("STILLBOX_STATE", self.state());
        for variable in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "COLUMNS"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs the command with arguments.
    pub(crate) fn stillbox<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
        outcome(self.command().args(arguments))
    }

    /// Writes the pipeline file and runs it.
    pub(crate) fn run(&self, pipeline: &str) -> Outcome {
        self.run_with(pipeline, [])
    }

    /// Writes the pipeline file and runs it with more arguments.
    pub(crate) fn run_with<'a>(&self, pipeline: &str, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
        self.write("pipeline.toml", pipeline);
        self.stillbox(["run", "pipeline.toml"].into_iter().chain(arguments))
    }

    /// Runs a pipeline that has to succeed, and returns what it wrote to `output.jsonl`.
    pub(crate) fn output_of(&self, pipeline: &str) -> String {
        self.run(pipeline).succeeded();
        self.text("output.jsonl")
    }
}

impl Outcome {
    /// Fails the test unless the command did what it was to do.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// What the command said when it ended with this code.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self.stderr
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("it is text")
    }
}

/// Runs a command to its end.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().expect("the command can be run");
    ended(output.status, output.stdout, &output.stderr)
}

/// Runs a command with bytes on its standard input.
pub(crate) fn outcome_with_input(command: &mut Command, input: &[u8]) -> Outcome {
    let mut child = spawn(command.stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("it is piped");
    let output = std::thread::scope(|scope| {
        // The command may end without reading all; that is for the test to judge.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("the command can be waited for")
    });
    ended(output.status, output.stdout, &output.stderr)
}

/// Starts a command whose output is read by the test.
pub(crate) fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command can be run")
}

fn ended(status: ExitStatus, stdout: Vec<u8>, stderr: &[u8]) -> Outcome {
    let stderr = String::from_utf8(stderr.to_vec()).expect("messages are text");
    let compiled = |line: &str| line.trim_start().strip_prefix("Compiled ").map(str::to_owned);
    let stderr_lines = || stderr.split_inclusive('\n');
    Outcome {
        code: status.code(),
        stdout,
        compiled: stderr_lines().filter_map(|line| compiled(line.trim_end())).collect(),
        stderr: stderr_lines().filter(|line| compiled(line).is_none()).collect(),
    }
}

/// A pipeline from `input` through guests, which take no parameters, to `output`.
pub(crate) fn pipeline(input: &str, guests: &[&str], output: &str) -> String {
    let (source, sink) = (format!("path = \"{input}\""), format!("path = \"{output}\""));
    let steps: String = guests.iter().map(|guest| step(guest, guest, "")).collect();
    PipelineFile { source: Some(&source), steps: &steps, sink: &sink, ..PipelineFile::default() }.to_string()
}

/// The same pipeline in batches of so many rows.
pub(crate) fn in_batches(rows: usize, pipeline: &str) -> String {
    pipeline.replacen("\n\n", &format!("\nbatch-rows = {rows}\n\n"), 1)
}

/// The table of a step: its name, which guest it is, and further settings as the file has them.
pub(crate) fn step(name: &str, guest: &str, settings: &str) -> String {
    format!("[[step]]\nname = \"{name}\"\ncomponent = \"{guest}.wasm\"\n{settings}").trim_end().to_owned() + "\n\n"
}

/// A pipeline file, of which a test states what is not as in most: it is called `test`, and goes from `input.jsonl` to
/// `output.jsonl`. All texts are as the file has them.
pub(crate) struct PipelineFile<'a> {
    /// Rows of a batch; those of the command where it does not say.
    pub(crate) batch_rows: Option<usize>,
    /// The settings of the source; none where steps make the rows.
    pub(crate) source: Option<&'a str>,
    /// The tables of the steps, and of what else stands between source and sink.
    pub(crate) steps: &'a str,
    /// The settings of the sink, and further tables.
    pub(crate) sink: &'a str,
}

impl Default for PipelineFile<'_> {
    fn default() -> Self {
        Self { batch_rows: None, source: Some("path = \"input.jsonl\""), steps: "", sink: "path = \"output.jsonl\"" }
    }
}

impl fmt::Display for PipelineFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[pipeline]\nname = \"test\"")?;
        if let Some(rows) = self.batch_rows {
            writeln!(f, "batch-rows = {rows}")?;
        }
        if let Some(source) = self.source {
            writeln!(f, "\n[[source]]\n{}", source.trim())?;
        }
        if !self.steps.is_empty() {
            writeln!(f, "\n{}", self.steps.trim())?;
        }
        writeln!(f, "\n[[sink]]\n{}", self.sink.trim())
    }
}
