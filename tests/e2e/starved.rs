//! Runs in processes that get too little memory, or too few threads or files, from the system: each ends soon, with an exit code of
//! the command, and blames no row.

use std::fs;

use stillbox_test_guests::ADD_COLUMN;

use crate::harness::{Folder, PipelineFile, end, spawn, step};

const PROGRAM: &str = "\"$STILLBOX\"";

/// A folder with a compiled step that accepts every row.
fn folder() -> Folder {
    let folder = Folder::with(&[ADD_COLUMN]);
    let lines = (0..2000).map(|id| format!("{{\"id\":{id},\"text\":\"some text\"}}\n"));
    folder.write("input.jsonl", lines.collect::<String>());
    folder.write_pipeline(PipelineFile::new().batch_rows(100).add(step("add_column").on_failure("reject")).rejects());
    folder.stillbox(["run", "pipeline.toml"]).succeeded();
    folder
}

/// Runs with this limit of the shell, and checks the end. `program` is the command in the shell.
fn check(folder: &Folder, limit: &str, program: &str) {
    for backtrace in ["0", "1"] {
        let script = format!("ulimit {limit} && exec {program} run pipeline.toml --restart --threads 4");
        let mut child = spawn(folder.shell(&script).env("RUST_BACKTRACE", backtrace));
        let stderr = std::io::read_to_string(child.stderr.take().expect("it is piped")).expect("it is text");
        let code = end(child);
        assert!(matches!(code, Some(0..=2)), "ulimit {limit}, RUST_BACKTRACE={backtrace}: {code:?}\n{stderr}");
        assert!(!stderr.contains("a bug in Stillbox") && !stderr.contains("bad-output"), "ulimit {limit}: {stderr}");
        if code == Some(0) {
            assert_eq!(folder.text("rejects.jsonl"), "", "ulimit {limit}: {stderr}");
        }
    }
}

/// The least limit, in KiB, under which the command can print its version. Below it the system cannot start the program at all.
fn least(folder: &Folder, option: &str) -> u64 {
    let prints = |kib: &u64| {
        let script = format!("ulimit {option} {kib} && exec \"$STILLBOX\" --version");
        folder.shell(&script).output().is_ok_and(|output| output.status.success())
    };
    (0..2000).map(|step| step * 1000).find(prints).expect("the command can be run")
}

#[test]
fn a_lack_of_memory_blames_no_row() {
    let folder = folder();
    for option in ["-v", "-d"] {
        let least = least(&folder, option);
        (1..40).for_each(|step| check(&folder, &format!("{option} {}", least + step * 7_000), PROGRAM));
    }
}

#[test]
fn a_lack_of_files_blames_no_row() {
    let folder = folder();
    (8..40).step_by(3).for_each(|files| check(&folder, &format!("-n {files}"), PROGRAM));
}

/// The limit counts the threads of all processes of a user, and does not hold for root, who becomes a user without processes.
#[test]
fn a_lack_of_threads_blames_no_row() {
    let folder = folder();
    fs::copy(env!("CARGO_BIN_EXE_stillbox"), folder.path().join("program")).expect("there is room");
    let is_root = folder.shell("chmod -R a+rwX . && test $(id -u) = 0").status().expect("there is a shell").success();
    let (user, others) = if is_root {
        ("setpriv --reuid=61234 --regid=61234 --clear-groups", 0)
    } else {
        ("", threads_of_user(&folder))
    };
    let program = format!("env STILLBOX_CACHE=cache STILLBOX_STATE=state {user} ./program");
    for threads in 1..16 {
        check(&folder, &format!("-u {}", others + threads), &program);
    }
}

fn threads_of_user(folder: &Folder) -> usize {
    let threads = folder.shell("ps -L -o lwp= -u $(id -u) | wc -l").output().expect("there is a shell").stdout;
    String::from_utf8_lossy(&threads).trim().parse().expect("it is a number")
}
