//! Folders and variables that are granted.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use rustix::process::Signal;
use serde_json::json;
use stillbox_test_guests::USE_FILES;

use super::{column, rejects};
use crate::harness::{
    Folder, PipelineFile, ROOT, Table, component_step, end, outcome, python, send, spawn, step, wait_until,
};

/// Writes one row for each operation, its path and its other argument.
fn write_operations(folder: &Folder, operations: &[(&str, &str, &str)]) {
    let rows = operations.iter().map(|(operation, path, other)| {
        format!("{}\n", json!({ "operation": operation, "path": path, "other": other }))
    });
    folder.write("input.jsonl", rows.collect::<String>());
}

fn use_files() -> Table {
    step("use_files")
}

fn folder() -> Folder {
    let folder = Folder::with(&[USE_FILES]);
    folder.write("data/a.txt", "in the folder");
    folder.write("data/sub/b.txt", "below the folder");
    folder.write("outside.txt", "outside of the folder");
    folder
}

#[test]
fn a_granted_folder_is_read_and_not_written() {
    let folder = folder();
    write_operations(
        &folder,
        &[
            ("read", "/data/a.txt", ""),
            ("read", "/data/sub/../sub/b.txt", ""),
            ("list", "/data", ""),
            ("write", "/data/a.txt", "changed"),
            ("write", "/data/new.txt", "new"),
            ("append", "/data/a.txt", "more"),
            ("grow", "/data/a.txt", "100"),
            ("create-folder", "/data/new", ""),
            ("rename", "/data/a.txt", "/data/c.txt"),
            ("remove", "/data/a.txt", ""),
            ("hard-link", "/data/a.txt", "/data/d.txt"),
        ],
    );
    folder.run(PipelineFile::new().add(use_files().allow_dir("data", ""))).succeeded();
    let results = column(&folder, "result");
    assert_eq!(results[..3], ["in the folder", "below the folder", "a.txt sub"]);
    assert!(results[3..].iter().all(|result| result.starts_with("error: ")), "{results:?}");
    assert_eq!(folder.text("data/a.txt"), "in the folder");
    assert_eq!(fs::read_dir(folder.join("data")).unwrap().count(), 2);
}

#[test]
fn paths_do_not_lead_out_of_a_granted_folder() {
    let folder = folder();
    symlink("../outside.txt", folder.join("data/link")).unwrap();
    symlink(folder.join("outside.txt"), folder.join("data/absolute")).unwrap();
    symlink("..", folder.join("data/parent")).unwrap();
    symlink("a.txt", folder.join("data/inside")).unwrap();
    let absolute = folder.join("outside.txt").to_str().unwrap().to_owned();
    write_operations(
        &folder,
        &[
            ("read", "/data/inside", ""),
            ("read", "/data/link", ""),
            ("read", "/data/absolute", ""),
            ("read", "/data/parent/outside.txt", ""),
            ("read", "/data/../outside.txt", ""),
            ("read", "/data/sub/../../outside.txt", ""),
            ("read", &absolute, ""),
            ("read", "/etc/passwd", ""),
            ("read", "outside.txt", ""),
            ("list", "/data/parent", ""),
            ("list", "/", ""),
            ("read", "/data/a.txt\0/x", ""),
        ],
    );
    folder.run(PipelineFile::new().add(use_files().allow_dir("data", ""))).succeeded();
    let results = column(&folder, "result");
    assert_eq!(results[0], "in the folder");
    assert!(results[1..].iter().all(|result| result.starts_with("error: ")), "{results:?}");
}

/// A name changes between a folder and a link that leads out, while the step opens files below it.
#[test]
fn a_path_that_changes_while_it_is_opened_does_not_lead_out() {
    let folder = folder();
    folder.write("outside/b.txt", "outside of the folder");
    symlink("../outside", folder.join("data/link")).unwrap();
    let reads = vec![("read", "/data/sub/b.txt", ""); 5000];
    write_operations(&folder, &reads);
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let (sub, link) = (folder.join("data/sub"), folder.join("data/link"));
                renameat_with(CWD, &sub, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let outcome = folder.run(PipelineFile::new().add(use_files().allow_dir("data", "")));
        is_done.store(true, Ordering::Relaxed);
        outcome.succeeded();
    });
    let results = column(&folder, "result");
    let is_expected = |result: &String| result == "below the folder" || result.starts_with("error: ");
    assert!(results.iter().all(is_expected), "a file outside was read");
    for expected in ["below", "error"] {
        assert!(results.iter().any(|result| result.starts_with(expected)), "the name did not change during the run");
    }
}

/// The folder itself changes to a link, after it was granted.
#[test]
fn a_granted_folder_stays_the_one_that_was_opened() {
    let folder = folder();
    folder.write("outside/a.txt", "outside of the folder");
    for name in ["data/first", "data/second"] {
        mknodat(CWD, folder.join(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }
    write_operations(
        &folder,
        &[("read", "/data/first", ""), ("read", "/data/second", ""), ("read", "/data/a.txt", "")],
    );
    folder.write_pipeline(PipelineFile::new().batch_rows(1).add(use_files().allow_dir("data", "")));
    let child = spawn(folder.command().args(["run", "pipeline.toml", "--threads", "1"]));
    // Opening one end of a pipe waits for the other. The step has opened the first, and waits at the second.
    let open = |path: &str| OpenOptions::new().write(true).open(folder.join(path)).unwrap();
    drop(open("data/first"));
    fs::rename(folder.join("data"), folder.join("moved")).unwrap();
    symlink("outside", folder.join("data")).unwrap();
    drop(open("moved/second"));
    assert_eq!(end(child), Some(0));
    assert_eq!(column(&folder, "result")[2], "in the folder");
}

#[test]
fn written_files_are_moved_into_place_at_the_end_of_the_run() {
    let folder = folder();
    folder.write("out/old.txt", "from before");
    folder.write("out/new.txt", "to be replaced");
    write_operations(
        &folder,
        &[
            ("list", "/results", ""),
            ("write", "/results/new.txt", "new"),
            ("create-folder", "/results/deep/er", ""),
            ("write", "/results/deep/er/c.txt", "deep"),
            ("rename", "/results/deep/er/c.txt", "/results/deep/d.txt"),
            ("append", "/results/new.txt", "er"),
            ("rename", "/data/a.txt", "/results/a.txt"),
            ("hard-link", "/data/a.txt", "/results/a.txt"),
            ("hard-link", "/results/new.txt", "/results/e.txt"),
            ("rename", "/results/new.txt", "/data/stolen.txt"),
            ("write", "/results/../escaped.txt", "x"),
        ],
    );
    let table = use_files().allow_dir("out", "at = \"/results\"\nwrite = true").allow_dir("data", "");
    folder.run_with(PipelineFile::new().batch_rows(100).add(table), ["--threads", "1"]).succeeded();
    let results = column(&folder, "result");
    assert_eq!(results[..6], ["", "done", "done", "done", "done", "done"], "{results:?}");
    assert!(results[6..].iter().all(|result| result.starts_with("error: ")), "{results:?}");
    assert_eq!(folder.text("out/old.txt"), "from before");
    assert_eq!(folder.text("out/new.txt"), "newer");
    assert_eq!(folder.text("out/deep/d.txt"), "deep");
    assert_eq!(
        folder.names(),
        ["data", "input.jsonl", "out", "output.jsonl", "outside.txt", "pipeline.toml", "use_files.wasm"]
    );
}

#[test]
fn a_run_that_fails_or_is_stopped_leaves_no_written_file() {
    let folder = folder();
    let table = use_files().allow_dir("out", "write = true").allow_dir("data", "");
    write_operations(&folder, &[("write", "/out/a.txt", "a"), ("unknown", "", "")]);
    folder.run(PipelineFile::new().add(table.clone())).failed(1);
    let expected = ["data", "input.jsonl", "outside.txt", "pipeline.toml", "use_files.wasm"];
    assert_eq!(folder.names(), expected);
    // A check writes nothing either.
    folder.stillbox(["check", "pipeline.toml"]).succeeded();
    assert_eq!(folder.names(), expected);
    // A pipe that never has a writer blocks the second batch.
    mknodat(CWD, folder.join("data/pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    write_operations(&folder, &[("write", "/out/a.txt", "a"), ("read", "/data/pipe", "")]);
    folder.write_pipeline(PipelineFile::new().batch_rows(1).add(table));
    let child = spawn(folder.command().args(["run", "pipeline.toml", "--threads", "2"]));
    let staged = || folder.names().into_iter().find(|name| name.starts_with(".stillbox-"));
    wait_until("the first file is written", || staged().is_some_and(|name| folder.join(&name).join("a.txt").exists()));
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    assert_eq!(staged(), None);
    assert!(!folder.contains("out"));
}

#[test]
fn a_step_writes_no_more_than_its_limit() {
    let folder = folder();
    let limit = "write = true\nbytes = \"1MiB\"";
    for operation in [("fill", "/out/a", "900000"), ("grow", "/out/a", "900000")] {
        write_operations(&folder, &[operation, operation, ("write", "/out/b", "small")]);
        folder.run(PipelineFile::new().add(use_files().allow_dir("out", limit))).succeeded();
        let results = column(&folder, "result");
        assert_eq!(results[0], "done", "{results:?}");
        assert!(results[1].starts_with("error: "), "{results:?}");
    }
    // Empty files count as well.
    let many: Vec<String> = (0..300).map(|number| format!("/out/empty-{number}")).collect();
    let many: Vec<(&str, &str, &str)> = many.iter().map(|path| ("write", path.as_str(), "")).collect();
    write_operations(&folder, &many);
    folder.run(PipelineFile::new().add(use_files().allow_dir("out", limit))).succeeded();
    let failed = column(&folder, "result").iter().filter(|result| result.starts_with("error: ")).count();
    assert!(failed > 40, "{failed} files of 300 are refused");
}

/// The usual limit of the system is 1,024 descriptors for the whole process.
#[test]
fn files_that_a_step_leaks_do_not_hinder_the_run() {
    let folder = folder();
    let operations = vec![("leak", "/data/a.txt", "1000"); 3];
    write_operations(&folder, &operations);
    folder.write_pipeline(PipelineFile::new().batch_rows(1).add(use_files().allow_dir("data", "")));
    let stillbox = folder.command().get_program().to_owned();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -S -n 512 && exec \"$0\" run pipeline.toml --threads 2"]).arg(stillbox);
    let environment: Vec<_> =
        folder.command().get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    for (name, value) in environment {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    outcome(command.current_dir(folder.path())).succeeded();
    assert_eq!(column(&folder, "result"), ["done"; 3]);
}

#[test]
fn variables_are_passed_by_name_and_no_others() {
    let folder = folder();
    write_operations(&folder, &[("variables", "", "")]);
    let env = "[step.allow.env]\nMODE = \"fast\"\nOWN = { env = \"HOST_NAME\" }";
    folder.write_pipeline(PipelineFile::new().add(use_files().table(env)));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml"]).env("HOST_NAME", "value").env("OTHER", "not granted");
    outcome(&mut command).succeeded();
    assert_eq!(column(&folder, "result"), [r#"[("MODE", "fast"), ("OWN", "value")]"#]);
    let message = folder.stillbox(["run", "pipeline.toml"]).failed(2);
    assert!(message.contains("the environment variable HOST_NAME is not set"), "{message}");
    folder.write_pipeline(PipelineFile::new().add(use_files()));
    folder.stillbox(["run", "pipeline.toml", "--allow-env", "A=b"]).succeeded();
    assert_eq!(column(&folder, "result"), [r#"[("A", "b")]"#]);
}

#[test]
fn a_step_without_a_folder_is_denied_with_the_lines_to_add() {
    let folder = folder();
    write_operations(&folder, &[("read", "/data/a.txt", ""), ("unknown", "", "")]);
    folder.run(PipelineFile::new().add(use_files().on_failure("reject")).rejects()).succeeded();
    let (kind, _, hint) = rejects(&folder).remove(0);
    assert_eq!(kind, "denied");
    assert!(hint.ends_with("[[step.allow.dir]]\npath = \"FOLDER\""), "{hint}");
}

#[test]
fn problems_of_folders_are_reported_before_the_run() {
    let folder = folder();
    write_operations(&folder, &[]);
    for (path, more, expected) in [
        ("none", "", "No such file or directory"),
        ("outside.txt", "", "not a directory"),
        ("outside.txt", "write = true", "not a directory"),
        ("none/deeper", "write = true", "No such file or directory"),
        ("data", "at = \"data\"", "which is not an absolute path"),
        ("data", "at = \"/a/../b\"", "which is not an absolute path"),
        ("data", "bytes = \"1MiB\"", "has no effect without `write = true`"),
        ("data", "write = 1", "not true or false"),
    ] {
        let message = folder.run(PipelineFile::new().add(use_files().allow_dir(path, more))).failed(2);
        assert!(message.contains(expected), "{path} {more}: {message}");
    }
}

#[test]
fn a_python_step_uses_folders_and_variables_by_its_standard_library() {
    let folder = folder();
    let component = python::component(&Path::new(ROOT).join("tests/python/use-files"));
    write_operations(
        &folder,
        &[
            ("read", "/data/a.txt", ""),
            ("list", "/data", ""),
            ("write", "/out/new.txt", "some text"),
            ("read", "/out/new.txt", ""),
            ("variable", "COLOUR", ""),
            ("variables", "", ""),
            ("read", "/data/../outside.txt", ""),
            ("write", "/data/a.txt", "changed"),
            ("read", "/etc/passwd", ""),
            ("variable", "PATH", ""),
        ],
    );
    let table = component_step("use-files", &component).allow_dir("data", "").allow_dir("out", "write = true");
    folder.run(PipelineFile::new().add(table.table("[step.allow.env]\nCOLOUR = \"grün\""))).succeeded();
    let results = column(&folder, "result");
    assert_eq!(results[..6], ["in the folder", "a.txt sub", "9", "some text", "grün", "COLOUR"]);
    assert!(
        results[6..9].iter().all(|result| result.starts_with("error: ") && result.ends_with("Error")),
        "{results:?}"
    );
    assert_eq!(results[9], "error: KeyError");
    assert_eq!(folder.text("out/new.txt"), "some text");
    assert_eq!(folder.text("data/a.txt"), "in the folder");
}
