//! Rows that come slowly: a batch passes as soon as its rows are there.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use flate2::write::GzEncoder;
use stillbox_test_guests::KEEP_LONG;

use crate::harness::{Folder, spawn};

/// Far more than a batch takes, and far less than for ever.
const PATIENCE: Duration = Duration::from_secs(30);

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

/// Hands over batches one by one, each after the one before it has come out.
fn hand_over(source: &str, batch_rows: usize, header: &str, row: &str, encode: Encode) {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write(
        "pipeline.toml",
        format!(
            "[pipeline]\nname = \"slow\"\nbatch-rows = {batch_rows}\n\n[[source]]\npath = \"-\"\n{source}\n\n\
             [[step]]\nname = \"keep\"\ncomponent = \"keep_long.wasm\"\n\n[[sink]]\npath = \"-\"\nformat = \"jsonl\"\n"
        ),
    );
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
            let line = lines.recv_timeout(PATIENCE);
            assert_eq!(line.as_deref(), Ok("{\"text\":\"some words\"}"), "batch {batch} of {source}");
        }
    }
    // What is less than a batch waits for the end.
    stdin.write_all(&encode(row)).expect("the command reads");
    drop(stdin);
    assert!(lines.recv_timeout(PATIENCE).is_ok(), "{source}");
    assert!(child.wait().expect("it can be waited for").success(), "{source}");
    assert!(reader.join().expect("it reads").is_ok());
    assert!(lines.recv().is_err(), "{source}");
}

const JSON_ROW: &str = "{\"text\":\"some words\"}\n";

#[test]
fn a_batch_is_processed_as_soon_as_its_rows_arrive() {
    let jsonl = "format = \"jsonl\"\ncolumns = { text = \"text\" }";
    hand_over(jsonl, 2, "", JSON_ROW, plain);
    hand_over("format = \"csv\"\ncolumns = { text = \"text\" }", 2, "text\n", "some words\n", plain);
    hand_over(&format!("{jsonl}\ncompression = \"gzip\""), 2, "", JSON_ROW, gzip);
    hand_over(&format!("{jsonl}\ncompression = \"zstd\""), 2, "", JSON_ROW, zstandard);
}

#[test]
fn column_inference_waits_for_no_more_than_the_first_rows() {
    hand_over("format = \"jsonl\"", 1000, "", JSON_ROW, plain);
}

/// The mark may come in parts, and is no part of the first row.
#[test]
fn a_byte_order_mark_can_arrive_byte_by_byte() {
    let folder = Folder::with(&[KEEP_LONG]);
    let text = crate::harness::pipeline("-", &["keep_long"], "output.jsonl");
    folder.write("pipeline.toml", text.replace("path = \"-\"\n", "path = \"-\"\nformat = \"jsonl\"\n"));
    let mut child = spawn(folder.command().args(["run", "pipeline.toml"]).stdin(Stdio::piped()));
    let mut stdin = child.stdin.take().expect("it is piped");
    for byte in b"\xEF\xBB\xBF{\"text\":\"some words\"}\n" {
        stdin.write_all(&[*byte]).expect("the command reads");
        while rustix::io::ioctl_fionread(&stdin).expect("a pipe knows what is in it") > 0 {
            assert!(child.try_wait().expect("it can be waited for").is_none(), "the command has ended");
            thread::yield_now();
        }
    }
    drop(stdin);
    assert!(child.wait().expect("it can be waited for").success());
    assert_eq!(folder.text("output.jsonl"), JSON_ROW);
}
