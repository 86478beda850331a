//! Corrupt files that make the library which reads them panic.

use crate::harness::{Folder, outcome, pipeline};

/// A folder with such a file, `damaged.arrow`, and a pipeline that reads it. The file is found by trying every byte.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write(
        "input.jsonl",
        (0..20).map(|id| format!("{{\"id\":{id},\"text\":\"some text\"}}\n")).collect::<String>(),
    );
    folder.run(pipeline("input.jsonl", &[], "rows.arrow")).succeeded();
    folder.write_pipeline(pipeline("damaged.arrow", &[], "output.jsonl"));
    let rows = folder.bytes("rows.arrow");
    let engine = stillbox::Engine::default();
    let is_handled = (0..rows.len()).all(|at| {
        let mut damaged = rows.clone();
        damaged[at] ^= 0x55;
        folder.write("damaged.arrow", damaged);
        let pipeline = folder.load();
        let read = pipeline.run(&engine, &stillbox::RunOptions::new());
        !read.is_err_and(|error| error.to_string().contains("failed on this input"))
    });
    assert!(!is_handled, "the library does not panic, so there is nothing to test");
    folder
}

#[test]
fn a_reader_panic_is_reported_once_with_details_on_request() {
    let folder = folder();
    let run = |arguments: &[&str]| {
        outcome(folder.command().args(["run", "pipeline.toml"]).args(arguments).env("RUST_BACKTRACE", "1")).failed(1)
    };
    assert_eq!(run(&[]), "error: damaged.arrow: the arrow reader failed on this input, which is probably corrupt\n");
    // With `-v` the message and place of the panic are shown, with `-vv` also the stack.
    let shown = run(&["-v"]);
    assert!(shown.contains("panicked at ") && !shown.contains("stack backtrace"), "{shown}");
    assert!(run(&["-vv"]).contains("  at "), "{shown}");
}
