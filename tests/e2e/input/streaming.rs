//! Inputs that arrive slowly: a batch is processed as soon as its rows have arrived.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use flate2::write::GzEncoder;
use stillbox_test_guests::KEEP_LONG;

use crate::harness::{Folder, PipelineFile, Table, sink, source, spawn, step, wait_until};

/// How long a test waits for a row before it fails.
const DEADLINE: Duration = Duration::from_secs(30);

type Encode = fn(&str) -> Vec<u8>;

fn plain(rows: &str) -> Vec<u8> {
    rows.into()
}

fn gzip(rows: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(rows.as_bytes()).and_then(|()| encoder.finish()).expect("memory can be written to")
}

fn zstandard(rows: &str) -> Vec<u8> {
    zstd::encode_all(rows.as_bytes(), 1).expect("memory can be read")
}

/// Writes batches to standard input, each after the rows of the previous batch have been written to standard output.
fn assert_streams(source: Table, batch_rows: usize, header: &str, row: &str, encode: Encode) {
    let folder = Folder::with(&[KEEP_LONG]);
    let description = source.to_string();
    let output = sink("-").format("jsonl");
    folder.write_pipeline(PipelineFile::new().batch_rows(batch_rows).add(source).add(step("keep_long")).add(output));
    let mut child = spawn(folder.command().args(["run", "pipeline.toml"]).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("it is piped");
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let (sender, lines) = channel();
    let reader = thread::spawn(move || stdout.lines().try_for_each(|line| sender.send(line.expect("it is text"))));
    for batch in 0..3 {
        let header = if batch == 0 { header } else { "" };
        let rows = format!("{header}{}", row.repeat(batch_rows));
        stdin.write_all(&encode(&rows)).expect("the command reads");
        for _ in 0..batch_rows {
            let line = lines.recv_timeout(DEADLINE);
            assert_eq!(line.as_deref(), Ok("{\"text\":\"some words\"}"), "batch {batch} of {description}");
        }
    }
    // A part of a batch waits for the end of the input.
    stdin.write_all(&encode(row)).expect("the command reads");
    drop(stdin);
    assert!(lines.recv_timeout(DEADLINE).is_ok(), "{description}");
    assert!(child.wait().expect("it can be waited for").success(), "{description}");
    assert!(reader.join().expect("it reads").is_ok());
    assert!(lines.recv().is_err(), "{description}");
}

const COLUMNS: &str = "{ text = \"text\" }";
const JSON_ROW: &str = "{\"text\":\"some words\"}\n";

#[test]
fn a_batch_is_processed_as_soon_as_its_rows_arrive() {
    let jsonl = || source("-").format("jsonl").set("columns", COLUMNS);
    let csv = source("-").format("csv").set("columns", COLUMNS);
    assert_streams(jsonl(), 2, "", JSON_ROW, plain);
    assert_streams(csv, 2, "text\n", "some words\n", plain);
    assert_streams(jsonl().set("compression", "\"gzip\""), 2, "", JSON_ROW, gzip);
    assert_streams(jsonl().set("compression", "\"zstd\""), 2, "", JSON_ROW, zstandard);
}

#[test]
fn column_inference_waits_for_no_more_than_the_first_rows() {
    assert_streams(source("-").format("jsonl"), 1000, "", JSON_ROW, plain);
}

/// The mark is not a part of the first row.
#[test]
fn a_byte_order_mark_can_arrive_byte_by_byte() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write_pipeline(PipelineFile::new().add(source("-").format("jsonl")).add(step("keep_long")));
    let mut child = spawn(folder.command().args(["run", "pipeline.toml"]).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("it is piped");
    for byte in b"\xEF\xBB\xBF{\"text\":\"some words\"}\n" {
        stdin.write_all(&[*byte]).expect("the command reads");
        wait_until("the byte is read", || rustix::io::ioctl_fionread(&stdin).expect("it is a pipe") == 0);
    }
    drop(stdin);
    assert!(child.wait().expect("it can be waited for").success());
    assert_eq!(folder.text("output.jsonl"), JSON_ROW);
}
