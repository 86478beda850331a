//! `stillbox build` of Python steps: when a step is built again, how a build is interrupted, and the errors for missing tools. A
//! package in the place of the SDK decides what a build does.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use stillbox_test_guests::KEEP_LONG;

use crate::harness::{
    Folder, Outcome, PipelineFile, component_step, end, fill, outcome, paths, redact, send, wait_until,
};

/// A step, and a package `stillbox_sdk` whose module `build` has this code.
fn step(code: &str) -> Folder {
    let folder = Folder::new();
    folder.write("packages/stillbox_sdk/__init__.py", "");
    folder.write("packages/stillbox_sdk/build.py", code);
    folder.write("keep-long/pyproject.toml", "[project]\nname = \"keep-long\"\n");
    folder.write("keep-long/keep_long.py", "");
    folder
}

/// The mark of an environment that has the SDK, and is used for that.
const INSTALLED: &str = ".venv/lib/python3/site-packages/stillbox_sdk/__init__.py";

fn command(folder: &Folder) -> Command {
    let mut command = folder.command();
    command.env_remove("VIRTUAL_ENV").env("PYTHONPATH", folder.join("packages")).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("STILLBOX_PYTHON", "python3");
    command
}

/// A pipeline with the step's folder.
fn pipeline() -> PipelineFile {
    PipelineFile::new().add(component_step("keep-long", "keep-long"))
}

fn build(folder: &Folder) -> Outcome {
    outcome(command(folder).args(["build", "keep-long"]))
}

/// A build that copies a component, and adds an `x` to the file `builds`.
fn copies() -> String {
    format!(
        "import shutil, sys\n_, option, output, folder = sys.argv\nassert option == '--output'\n\
         shutil.copyfile({KEEP_LONG:?}, output)\nopen(folder + '/../builds', 'a').write('x')\n"
    )
}

#[test]
fn a_python_step_is_rebuilt_only_after_a_change() {
    let folder = step(&copies());
    let built = build(&folder).succeeded();
    let _redacted = redact(paths());
    insta::assert_snapshot!(built.text(), @"keep-long/build/keep-long.wasm");
    build(&folder).succeeded();
    assert_eq!(folder.text("builds"), "x");
    folder.write("keep-long/keep_long.py", "# other\n");
    build(&folder).succeeded();
    assert_eq!(folder.text("builds"), "xx");
    fs::remove_file(folder.join("keep-long/build/keep-long.wasm")).unwrap();
    build(&folder).succeeded();
    assert_eq!(folder.text("builds"), "xxx");
    let wasm = fs::File::options().write(true).open(folder.join("keep-long/build/keep-long.wasm")).unwrap();
    wasm.set_len(9).unwrap();
    build(&folder).succeeded();
    assert_eq!(folder.text("builds"), "xxxx", "a truncated component is compiled again");
}

#[test]
fn a_pipeline_builds_and_runs_the_folder_of_a_python_step() {
    let folder = step(&copies());
    folder.write("input.jsonl", "{\"text\":\"abc\"}\n");
    folder.write_pipeline(pipeline());
    outcome(command(&folder).args(["run", "pipeline.toml"])).succeeded();
    assert_eq!(folder.text("output.jsonl"), "{\"text\":\"abc\"}\n");
}

#[test]
fn errors_of_the_python_sdk_are_shown() {
    let _redacted = redact(paths());
    let folder = step("import sys\nprint('error: keep_long.py:1: SyntaxError', file=sys.stderr)\nsys.exit(1)\n");
    insta::assert_snapshot!(build(&folder).failed(2), @"
        Building keep-long
      error: cannot build the step in `keep-long`
        |
        | error: keep_long.py:1: SyntaxError
    ");
}

#[test]
fn a_python_build_reports_missing_tools_with_the_commands_to_install_them() {
    let sdk = (r"[^ ]*/sdk/[0-9.]+-[0-9a-f]{12}/guest-sdk".to_owned(), "[SDK]");
    let _redacted = redact([sdk].into_iter().chain(paths()));
    let folder = step("import sys\nsys.exit(3)\n");
    insta::assert_snapshot!(build(&folder).failed(2), @"
      Building keep-long
    error: componentize-py, which compiles Python steps, is not installed for `python3`: run `python3 -m pip install [SDK]/python`, or unset STILLBOX_PYTHON to have it installed by Stillbox
    ");

    // This Python does not have the SDK.
    folder.write("keep-long/.venv/bin/python", "#!/bin/sh\necho 'No module named stillbox_sdk' >&2\nexit 1\n");
    fs::set_permissions(folder.join("keep-long/.venv/bin/python"), fs::Permissions::from_mode(0o755)).unwrap();
    let chosen = outcome(command(&folder).env("STILLBOX_PYTHON", "keep-long/.venv").args(["build", "keep-long"]));
    insta::assert_snapshot!(chosen.failed(2), @"
      Building keep-long
    error: stillbox-sdk is not installed for `keep-long/.venv/bin/python`: run `keep-long/.venv/bin/python -m pip install [SDK]/python`, or unset STILLBOX_PYTHON to have it installed by Stillbox
    ");

    fs::remove_dir_all(folder.join("keep-long/.venv")).unwrap();
    let without_python = outcome(command(&folder).env("PATH", folder.join("empty")).args(["build", "keep-long"]));
    insta::assert_snapshot!(without_python.failed(2), @"
      Building keep-long
    error: cannot find `python3`: install Python 3.11 or later, or give a compiled .wasm file
    ");

    folder.write("keep-long/pyproject.toml", "[project]\nversion = \"1\"\n");
    insta::assert_snapshot!(build(&folder).failed(2), @r#"
      Building keep-long
    error: `keep-long/pyproject.toml`: it has no `name = "…"` in [project]
    "#);
}

#[test]
fn a_python_build_uses_the_nearest_virtual_environment() {
    let folder = step("");
    fs::create_dir_all(folder.join(".venv/bin")).unwrap();
    let script = format!("#!/bin/sh\ncase $1 in -c) echo '(3, 12) 1 2';; *) cp {KEEP_LONG:?} \"$4\";; esac\n");
    folder.write("python.sh", script);
    fs::set_permissions(folder.join("python.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink(folder.join("python.sh"), folder.join(".venv/bin/python")).unwrap();
    folder.write(INSTALLED, "");
    outcome(command(&folder).env_remove("STILLBOX_PYTHON").args(["build", "keep-long"])).succeeded();
    let inspected = outcome(command(&folder).args(["inspect", "keep-long/build/keep-long.wasm"])).succeeded();
    // The component in its place was made by the other SDK, and stays what it says it is.
    assert!(inspected.text().contains("with the SDK 0.1.0"), "{}", inspected.text());
}

/// A build whose compiler has written temporary files, and waits for a pipe that no process opens for writing.
struct Building {
    folder: Folder,
    child: Child,
}

impl Building {
    fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, Stdio::piped())
    }

    fn start_with(arguments: &[&str], stderr: Stdio) -> Self {
        let folder = step("");
        folder.write("input.jsonl", "{\"text\":\"abc\"}\n");
        folder.write_pipeline(pipeline());
        let (started, fifo) = (folder.join("started"), folder.join("fifo"));
        let script = format!(
            "#!/bin/sh\ncase $1 in -c) echo '(3, 12) 1 2'; exit;; esac\necho half > \"$4\"\necho half > \"$TMPDIR/other\"\n\
             mkfifo '{fifo}'\necho $$ > '{started}'\nread -r line < '{fifo}'\n",
            fifo = fifo.display(),
            started = started.display()
        );
        folder.write(".venv/bin/python", script);
        fs::set_permissions(folder.join(".venv/bin/python"), fs::Permissions::from_mode(0o755)).unwrap();
        folder.write(INSTALLED, "");
        let mut command = command(&folder);
        let child = command
            .env_remove("STILLBOX_PYTHON")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        wait_until("the compiler waits", || fs::read_to_string(&started).is_ok_and(|text| text.ends_with('\n')));
        let building = Self { folder, child };
        assert!(building.temporary_files() > 0);
        building
    }

    /// The number of files that the compiler has written and not finished.
    fn temporary_files(&self) -> usize {
        fs::read_dir(self.folder.join("keep-long/build")).unwrap().count()
    }

    /// Waits for the end, and checks that no file and no process is left. Returns the exit code and standard error.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut stderr = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(self.temporary_files(), 0);
        // The compiler has been killed, but the system may still list it.
        let compiler = Path::new("/proc").join(self.folder.text("started").trim()).join("cmdline");
        wait_until("the compiler has ended", || !fs::read(&compiler).is_ok_and(|running| !running.is_empty()));
        (status.code(), stderr)
    }
}

#[test]
fn an_interrupted_python_build_leaves_no_files_and_no_process() {
    for arguments in [
        ["build", "keep-long"],
        ["inspect", "keep-long"],
        ["pipe", "keep-long"],
        ["run", "pipeline.toml"],
        ["check", "pipeline.toml"],
        ["graph", "pipeline.toml"],
    ] {
        let building = Building::start(&arguments);
        send(&building.child, Signal::INT);
        let (code, stderr) = building.ended();
        assert_eq!(code, Some(130), "{arguments:?}");
        // On a busy machine the line may add that the command did not wait for the end.
        assert!(stderr.starts_with("  Building keep-long\nstopped by SIGINT"), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 2, "{arguments:?}: {stderr}");
    }
}

/// After the first signal the command waits for standard error, which is full.
#[test]
fn a_second_signal_ends_a_python_build_at_once() {
    let (reader, stderr) = std::io::pipe().unwrap();
    let building = Building::start_with(&["build", "keep-long"], stderr.try_clone().unwrap().into());
    fill(&stderr);
    send(&building.child, Signal::INT);
    wait_until("the temporary files are removed", || building.temporary_files() == 0);
    send(&building.child, Signal::TERM);
    assert_eq!(end(building.child), Some(143));
    drop(reader);
}

#[test]
fn a_new_version_of_a_dependency_rebuilds_a_python_step() {
    let folder = step(&copies());
    let manifest = "[project]\nname = \"keep-long\"\ndependencies = [\"words\"]\n";
    folder.write("keep-long/pyproject.toml", manifest);
    let install = |version: &str| {
        let metadata = format!("Metadata-Version: 2.1\nName: words\nVersion: {version}\n");
        folder.write("packages/words-1.dist-info/METADATA", metadata);
    };
    install("1.0");
    build(&folder).succeeded();
    build(&folder).succeeded();
    assert_eq!(folder.text("builds"), "x");
    install("1.1");
    build(&folder).succeeded();
    assert_eq!(folder.text("builds"), "xx");
}
