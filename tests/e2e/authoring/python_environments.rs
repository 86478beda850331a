//! The environments that Stillbox makes for Python steps. A program in the place of uv decides how an installation ends.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use stillbox_test_guests::KEEP_LONG;

use crate::harness::{Folder, end, outcome, paths, redact, send, wait_until};

/// A step with a dependency, and a program `uv`.
fn step(uv: &str) -> Folder {
    let folder = Folder::new();
    folder.write(
        "keep-long/pyproject.toml",
        "[project]\nname = \"keep-long\"\ndependencies = [\"stillbox-sdk[http]\", \"words>=2\"]\n",
    );
    folder.write("keep-long/keep_long.py", "");
    folder.write("bin/uv", format!("#!/bin/sh\n{uv}"));
    fs::set_permissions(folder.join("bin/uv"), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn build(folder: &Folder) -> Command {
    let mut command = folder.command();
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    command.env("PATH", path).env("XDG_CACHE_HOME", folder.join("cache")).env_remove("VIRTUAL_ENV");
    command.arg("build");
    command
}

/// The environments, without their locks.
fn environments(folder: &Folder) -> Vec<String> {
    let entries = fs::read_dir(folder.join("cache/stillbox/python")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.contains(".lock"));
    names
}

/// A `uv` that makes an environment whose Python copies a component, and notes each call.
fn works() -> String {
    format!(
        "echo \"$@\" >> '{{calls}}'\n[ $1 = venv ] || exit 0\nfor folder; do :; done\nmkdir -p \"$folder/bin\"\n\
         printf '#!/bin/sh\\ncase $1 in -c) echo \"(3, 12) 1 2\";; *) cp {KEEP_LONG} \"$4\";; esac\\n' > \"$folder/bin/python\"\n\
         chmod +x \"$folder/bin/python\"\n"
    )
}

#[test]
fn packages_are_installed_once_and_shared_by_steps_with_the_same_dependencies() {
    let folder = step("");
    folder.write(
        "bin/uv",
        format!("#!/bin/sh\n{}", works().replace("{calls}", &folder.join("calls").display().to_string())),
    );
    let first = outcome(build(&folder).arg("keep-long")).succeeded();
    assert_eq!(
        first.stderr,
        "  Building keep-long\nInstalling componentize-py==0.25.1, words>=2 (once, for all steps with these dependencies)\n"
    );
    let calls = folder.text("calls");
    assert_eq!(calls.lines().count(), 2, "{calls}");
    assert!(calls.ends_with(" -- componentize-py==0.25.1 words>=2\n"), "{calls}");
    folder.write("keep-long/keep_long.py", "# changed\n");
    assert_eq!(outcome(build(&folder).arg("keep-long")).succeeded().stderr, "  Building keep-long\n");
    assert_eq!(folder.text("calls"), calls);
    // An environment whose Python is gone is made again.
    let [environment] = &environments(&folder)[..] else { panic!("{:?}", environments(&folder)) };
    fs::remove_file(folder.join(&format!("cache/stillbox/python/{environment}/bin/python"))).unwrap();
    folder.write("keep-long/keep_long.py", "# changed again\n");
    outcome(build(&folder).arg("keep-long")).succeeded();
    assert_eq!(folder.text("calls").lines().count(), 4);
}

#[test]
fn a_failed_installation_names_the_packages_and_leaves_nothing() {
    let _redacted = redact(paths());
    let folder = step(
        "[ $1 = venv ] && { for folder; do :; done; mkdir -p \"$folder/bin\"; exit; }\necho 'error: No solution found: words>=2' >&2\nexit 1\n",
    );
    insta::assert_snapshot!(outcome(build(&folder).arg("keep-long")).failed(2), @"
      Building keep-long
    Installing componentize-py==0.25.1, words>=2 (once, for all steps with these dependencies)
    error: cannot install componentize-py==0.25.1, words>=2 for the step in `keep-long`
      |
      | error: No solution found: words>=2
      |
      | help: correct `dependencies` in `keep-long/pyproject.toml`
    ");
    assert!(environments(&folder).is_empty());
}

/// An installation that waits for a pipe that no process opens for writing.
fn waiting() -> (Folder, Child) {
    let folder = step("");
    let (started, fifo) = (folder.join("started"), folder.join("fifo"));
    let (started, fifo) = (started.display(), fifo.display());
    let uv = format!(
        "#!/bin/sh\nfor folder; do :; done\nmkdir -p \"$folder\"\nmkfifo '{fifo}'\necho > '{started}'\nread -r line < '{fifo}'\n"
    );
    folder.write("bin/uv", uv);
    let child = build(&folder).arg("keep-long").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("packages are installed", || folder.contains("started"));
    (folder, child)
}

#[test]
fn an_interrupted_installation_leaves_nothing() {
    let (folder, child) = waiting();
    assert_eq!(environments(&folder).len(), 1);
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    assert!(environments(&folder).is_empty());
}

#[test]
fn an_installation_that_was_killed_is_repeated() {
    let (folder, mut child) = waiting();
    child.kill().unwrap();
    child.wait().unwrap();
    // The installer outlives the command, and still waits.
    let uv = works().replace("{calls}", &folder.join("calls").display().to_string());
    folder.write("bin/uv-new", format!("#!/bin/sh\n{uv}"));
    fs::set_permissions(folder.join("bin/uv-new"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(folder.join("bin/uv-new"), folder.join("bin/uv")).unwrap();
    let built = outcome(build(&folder).arg("keep-long"));
    // Ends the installer.
    fs::write(folder.join("fifo"), "\n").unwrap();
    built.succeeded();
    assert!(environments(&folder).iter().all(|name| !name.starts_with('.')), "{:?}", environments(&folder));
}

#[test]
fn a_second_build_waits_for_the_installation() {
    let (folder, first) = waiting();
    let mut second = build(&folder).arg("keep-long").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let stderr = std::io::BufReader::new(second.stderr.take().unwrap());
    let line = std::io::BufRead::lines(stderr).map(Result::unwrap).find(|line| line.contains("Waiting"));
    assert_eq!(line.as_deref(), Some("   Waiting for another build to install packages"));
    send(&second, Signal::TERM);
    assert_eq!(end(second), Some(143));
    send(&first, Signal::TERM);
    assert_eq!(end(first), Some(143));
}

#[test]
fn a_prune_leaves_the_environment_of_a_build() {
    let folder = step("");
    let path = |name: &str| folder.join(name).display().to_string();
    folder.write("bin/uv", format!("#!/bin/sh\n{}", works().replace("{calls}", &path("calls"))));
    outcome(build(&folder).arg("keep-long")).succeeded();
    let [environment] = &environments(&folder)[..] else { panic!("{:?}", environments(&folder)) };
    let python = format!("cache/stillbox/python/{environment}/bin/python");
    let (started, fifo) = (path("started"), path("fifo"));
    let waits = folder
        .text(&python)
        .replace("*) cp", &format!("*) mkfifo '{fifo}'; echo > '{started}'; read -r line < '{fifo}'; cp"));
    folder.write(&python, waits);
    folder.write("keep-long/keep_long.py", "# changed\n");
    let child = build(&folder).arg("keep-long").stdout(Stdio::null()).spawn().unwrap();
    wait_until("the step is compiled", || folder.contains("started"));
    let prune = || {
        let mut command = folder.command();
        command.env_remove("STILLBOX_CACHE").env("XDG_CACHE_HOME", folder.join("cache"));
        outcome(command.args(["cache", "prune", "--unused-for", "0s"])).succeeded().text().to_owned()
    };
    // The component of the first build.
    assert!(prune().starts_with("removed 1 entry "), "the build uses the environment");
    fs::write(&fifo, "\n").unwrap();
    assert_eq!(end(child), Some(0));
    // The environment, and the component of the second build.
    assert!(prune().starts_with("removed 2 entries "));
    assert!(environments(&folder).is_empty());
}

/// A step with a `uv` whose Python makes another component each time, and notes it.
fn step_that_compiles_differently() -> Folder {
    let folder = step("");
    let compiler = folder.join("compiler");
    let compile = format!(
        "cp {KEEP_LONG} \"$4\"; printf '\\000\\016\\001x' >> \"$4\"; head -c 12 /dev/urandom >> \"$4\"; echo >> '{}'",
        folder.join("compiled").display()
    );
    folder.write("compiler", format!("#!/bin/sh\ncase $1 in -c) echo '(3, 12) 1 2';; *) {compile};; esac\n"));
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();
    let make = format!("mkdir -p \"$folder/bin\"\nln -s '{}' \"$folder/bin/python\"\n", compiler.display());
    folder.write("bin/uv", format!("#!/bin/sh\n[ $1 = venv ] || exit 0\nfor folder; do :; done\n{make}"));
    folder
}

#[test]
fn a_python_step_has_the_same_bytes_in_any_folder_and_is_compiled_once() {
    let folder = step_that_compiles_differently();
    let compilations = || folder.text("compiled").lines().count();
    let built = |path: &str| {
        outcome(build(&folder).arg(path)).succeeded();
        fs::read(folder.join(&format!("{path}/build/keep-long.wasm"))).unwrap()
    };
    let first = built("keep-long");
    for file in ["pyproject.toml", "keep_long.py"] {
        folder.write(&format!("elsewhere/other-name/{file}"), folder.text(&format!("keep-long/{file}")));
    }
    assert!(built("elsewhere/other-name") == first, "the folders have different components");
    fs::remove_dir_all(folder.join("keep-long/build")).unwrap();
    assert!(built("keep-long") == first, "the builds have different components");
    assert_eq!(compilations(), 1);

    folder.write("keep-long/keep_long.py", "# changed\n");
    assert!(built("keep-long") != first);
    assert_eq!(compilations(), 2);

    // One that is not whole is compiled again.
    let stored = fs::read_dir(folder.join("cache/stillbox/python-components")).unwrap();
    for entry in stored {
        let path = entry.unwrap().path();
        let component = fs::read(&path).unwrap();
        fs::write(&path, &component[..component.len() - 1]).unwrap();
    }
    fs::remove_dir_all(folder.join("elsewhere/other-name/build")).unwrap();
    let again = built("elsewhere/other-name");
    assert!(again != first);
    assert_eq!(compilations(), 3);
    fs::remove_dir_all(folder.join("elsewhere/other-name/build")).unwrap();
    assert!(built("elsewhere/other-name") == again);
    assert_eq!(compilations(), 3);
}
