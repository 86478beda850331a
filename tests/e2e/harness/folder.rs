//! Runs `stillbox` in a temporary folder.

use std::fmt::Display;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use serde_json::Value;
use stillbox::{Engine, Report, RunError, RunOptions};
use tempfile::TempDir;

use super::{rows, spawn};

/// The compile cache of all tests. It is in the build folder, so the next run of the tests uses it too.
pub(crate) const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/components");

/// The caches of this user for compiled dependencies of steps and environments of Python, and the unpacked SDK, for all tests.
const USER_CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/user-cache");
const USER_DATA: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/user-data");

/// How the names of temporary folders begin.
pub(super) const FOLDER_PREFIX: &str = "stillbox-";
/// Variables that change how the command prints.
const COLOUR_VARIABLES: [&str; 5] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_COLOR", "COLUMNS"];

/// Variables of continuous integration, in which the tests may run themselves.
const CI_VARIABLES: [&str; 4] = ["CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"];

/// A temporary folder to run the command in. Tests name its files by relative paths, so messages do not depend on where it is.
pub(crate) struct Folder {
    files: TempDir,
    state: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    /// Standard error without the lines that say which component was compiled, because those depend on earlier tests.
    pub(crate) stderr: String,
    /// The components that were compiled, because they were not in the cache.
    pub(crate) compiled: Vec<String>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let create = || TempDir::with_prefix(FOLDER_PREFIX).expect("there is room for temporary files");
        Self { files: create(), state: create() }
    }

    /// Creates a folder with guests, each under its own file name, such as `every_type.wasm`.
    pub(crate) fn with(guests: &[&str]) -> Self {
        let folder = Self::new();
        for guest in guests {
            let name = Path::new(guest).file_name().expect("a guest is a file");
            symlink(guest, folder.path().join(name)).expect("the folder is new");
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.files.path()
    }

    /// The folder for the state of runs.
    pub(crate) fn state(&self) -> &Path {
        self.state.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file, and creates the folders above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.join(name);
        let parent = path.parent().expect("it is in the folder");
        fs::create_dir_all(parent).and_then(|()| fs::write(&path, content)).expect("the folder can be written to");
    }

    /// Writes `pipeline.toml`.
    pub(crate) fn write_pipeline(&self, pipeline: impl Display) {
        self.write("pipeline.toml", pipeline.to_string());
    }

    /// Loads `pipeline.toml` by the library.
    pub(crate) fn load(&self) -> stillbox::Pipeline {
        stillbox::Pipeline::from_file(self.join("pipeline.toml")).expect("the pipeline file is valid")
    }

    /// Writes the pipeline file and runs it by the library on two threads.
    pub(crate) fn run_in_library(&self, pipeline: impl Display) -> Result<Report, RunError> {
        self.write_pipeline(pipeline);
        let engine = Engine::builder().threads(2).compile_cache(CACHE).build();
        self.load().run(&engine, &RunOptions::new())
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).expect("it is text")
    }

    /// The lines of a file, each of which is JSON.
    pub(crate) fn json_lines(&self, name: &str) -> Vec<Value> {
        rows::json_lines(&self.text(name))
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.join(name).exists()
    }

    /// The names of all files and folders in it, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("the folder exists");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("as above").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    /// The command, ready for arguments.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stillbox"));
        self.prepare(&mut command);
        command
    }

    /// A shell script, in which `$STILLBOX` is the command.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("sh");
        self.prepare(command.args(["-c", script]).env("STILLBOX", env!("CARGO_BIN_EXE_stillbox")));
        command
    }

    fn prepare(&self, command: &mut Command) {
        command.current_dir(self.path()).stdin(Stdio::null());
        command.env("STILLBOX_CACHE", CACHE).env("STILLBOX_STATE", self.state());
        command.env("XDG_CACHE_HOME", USER_CACHE).env("XDG_DATA_HOME", USER_DATA).env_remove("STILLBOX_PYTHON");
        for variable in COLOUR_VARIABLES.into_iter().chain(CI_VARIABLES) {
            command.env_remove(variable);
        }
    }

    /// Runs the command with arguments.
    pub(crate) fn stillbox<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
        outcome(self.command().args(arguments))
    }

    /// Writes the pipeline file and runs it.
    pub(crate) fn run(&self, pipeline: impl Display) -> Outcome {
        self.run_with(pipeline, [])
    }

    /// Writes the pipeline file and runs it with more arguments.
    pub(crate) fn run_with<'a>(&self, pipeline: impl Display, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
        self.write_pipeline(pipeline);
        self.stillbox(["run", "pipeline.toml"].into_iter().chain(arguments))
    }

    /// Runs a pipeline, which has to succeed, and returns the text of `output.jsonl`.
    pub(crate) fn output_of(&self, pipeline: impl Display) -> String {
        self.run(pipeline).succeeded();
        self.text("output.jsonl")
    }
}

impl Outcome {
    /// Fails the test unless the command ended with exit code 0.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Fails the test unless the command ended with this exit code. Returns its standard error.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        self.stderr
    }

    /// Standard output as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("it is text")
    }

    /// The lines of standard output, each of which is JSON.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        rows::json_lines(self.text())
    }

    /// The report in the last event of a run.
    #[track_caller]
    pub(crate) fn report(&self) -> Value {
        let last = self.json_lines().pop().expect("there are events");
        assert_eq!(last["event"], "finished");
        last["report"].clone()
    }

    /// Standard output as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout).expect("standard output is JSON")
    }
}

/// Runs a command to its end.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().expect("the command can be run");
    parse_output(output.status, output.stdout, &output.stderr)
}

/// Runs a command with bytes on its standard input.
pub(crate) fn outcome_with_input(command: &mut Command, input: &[u8]) -> Outcome {
    let mut child = spawn(command.stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("it is piped");
    let output = std::thread::scope(|scope| {
        // The command may end before it has read everything; the test decides whether that is right.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().expect("the command can be waited for")
    });
    parse_output(output.status, output.stdout, &output.stderr)
}

fn parse_output(status: ExitStatus, stdout: Vec<u8>, stderr: &[u8]) -> Outcome {
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
