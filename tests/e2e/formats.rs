//! Conversion from every format to every other.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::FileWriter;
use arrow_select::concat::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::harness::{Folder, pipeline};
use crate::text_benchmark::{Clean, SEED, clean_text, cleaned, folder, input};
use stillbox_test_guests::ADD_COLUMN;

/// The file endings of all formats and compressions.
const ENDINGS: [&str; 8] = ["jsonl", "csv", "parquet", "arrow", "jsonl.gz", "jsonl.zst", "csv.gz", "csv.zst"];

#[test]
fn every_format_converts_to_every_other() {
    let rows = input(SEED, 2_500);
    let expected = cleaned(&rows);
    let folder = folder();
    for ending in ENDINGS {
        write(&folder, ending, &rows);
    }
    // Compression is independent of the other side, so each compressed format occurs once as input and once as output.
    let (plain, compressed) = ENDINGS.split_at(4);
    let pairs = plain.iter().flat_map(|from| plain.iter().map(move |to| (from, to)));
    let pairs = pairs.chain(compressed.iter().zip(compressed.iter().rev()));
    for (from, to) in pairs {
        let output = format!("output-of-{}.{to}", from.replace('.', "-"));
        folder.run(clean_text(&format!("input.{from}"), &output)).succeeded();
        assert!(read(&folder, &output) == expected, "{from} to {to}");
    }
}

/// Writes rows with libraries, not with the host.
fn write(folder: &Folder, ending: &str, rows: &str) {
    let path = folder.join(&format!("input.{ending}"));
    let mut file = File::create(path).unwrap();
    match ending {
        "parquet" => {
            let batch = batch(rows);
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
            writer.write(&batch).unwrap();
            writer.close().unwrap();
        }
        "arrow" => {
            let batch = batch(rows);
            let mut writer = FileWriter::try_new(file, &batch.schema()).unwrap();
            writer.write(&batch).unwrap();
            writer.finish().unwrap();
        }
        text => {
            let bytes = if text.starts_with("csv") { csv(rows) } else { rows.as_bytes().to_vec() };
            let bytes = if text.ends_with("gz") {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&bytes).unwrap();
                encoder.finish().unwrap()
            } else if text.ends_with("zst") {
                zstd::encode_all(&*bytes, 1).unwrap()
            } else {
                bytes
            };
            file.write_all(&bytes).unwrap();
        }
    }
}

fn parsed(rows: &str) -> Vec<(i64, String)> {
    crate::text_benchmark::rows(rows)
}

fn batch(rows: &str) -> RecordBatch {
    let (ids, texts): (Vec<i64>, Vec<String>) = parsed(rows).into_iter().unzip();
    let columns: [(&str, ArrayRef); 2] =
        [("id", Arc::new(Int64Array::from(ids))), ("text", Arc::new(StringArray::from(texts)))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn csv(rows: &str) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["id", "text"]).unwrap();
    for (id, text) in parsed(rows) {
        writer.write_record([id.to_string(), text]).unwrap();
    }
    writer.into_inner().unwrap()
}

/// Reads rows with libraries, not with the host.
fn read(folder: &Folder, name: &str) -> Vec<Clean> {
    let file = || File::open(folder.join(name)).unwrap();
    if name.ends_with("parquet") {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file()).unwrap().build().unwrap();
        let batches: Vec<_> = reader.map(Result::unwrap).collect();
        rows_from_batch(&concat_batches(&batches[0].schema(), &batches).unwrap())
    } else if name.ends_with("arrow") {
        let batches: Vec<_> = FileReader::try_new(file(), None).unwrap().map(Result::unwrap).collect();
        rows_from_batch(&concat_batches(&batches[0].schema(), &batches).unwrap())
    } else {
        let mut text = String::new();
        match name.rsplit('.').next() {
            Some("gz") => flate2::read::MultiGzDecoder::new(file()).read_to_string(&mut text),
            Some("zst") => zstd::Decoder::new(file()).unwrap().read_to_string(&mut text),
            _ => file().read_to_string(&mut text),
        }
        .unwrap();
        if name.contains(".csv") { rows_from_csv(&text) } else { text.lines().map(row_from_json).collect() }
    }
}

fn rows_from_batch(batch: &RecordBatch) -> Vec<Clean> {
    let numbers = |name: &str| batch[name].as_primitive::<Int64Type>();
    let texts = batch["text"].as_string::<i32>();
    let row = |row: usize| Clean {
        id: numbers("id").value(row),
        text: texts.value(row).to_owned(),
        n_words: numbers("n_words").value(row),
        n_bytes: numbers("n_bytes").value(row),
        tri_hash: numbers("tri_hash").value(row),
    };
    (0..batch.num_rows()).map(row).collect()
}

fn rows_from_csv(text: &str) -> Vec<Clean> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), ["id", "text", "n_words", "n_bytes", "tri_hash"]);
    let row = |record: csv::StringRecord| {
        let number = |field: usize| record[field].parse().unwrap();
        Clean { id: number(0), text: record[1].to_owned(), n_words: number(2), n_bytes: number(3), tri_hash: number(4) }
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

fn row_from_json(line: &str) -> Clean {
    let row: serde_json::Value = serde_json::from_str(line).unwrap();
    let number = |key: &str| row[key].as_i64().unwrap();
    Clean {
        id: number("id"),
        text: row["text"].as_str().unwrap().to_owned(),
        n_words: number("n_words"),
        n_bytes: number("n_bytes"),
        tri_hash: number("tri_hash"),
    }
}

#[test]
fn an_empty_input_produces_an_empty_valid_output() {
    let folder = Folder::with(&[ADD_COLUMN]);
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()).finish().expect("it is memory");
    let zstd = zstd::encode_all(&b""[..], 1).expect("it is memory");
    for (from, content) in [("jsonl", Vec::new()), ("csv", Vec::new()), ("jsonl.gz", gzip), ("csv.zst", zstd)] {
        folder.write(&format!("input.{from}"), content);
        for to in ENDINGS {
            let output = format!("output.{to}");
            let run = folder.run(pipeline(&format!("input.{from}"), &["add_column"], &output)).succeeded();
            assert!(run.stderr.contains("0 rows"), "{}", run.stderr);
            // A valid output can be read again.
            folder.run(pipeline(&output, &["add_column"], "again.csv")).succeeded();
            let header = folder.text("again.csv");
            let known = to.starts_with("jsonl") || header == "text,length\n";
            assert!(known, "{from} to {to}: {header:?}");
        }
    }
}

#[test]
fn an_input_with_a_header_and_no_rows_keeps_its_columns() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.csv", "text,id\n");
    for to in ["csv", "parquet", "arrow"] {
        let output = format!("output.{to}");
        folder.run(pipeline("input.csv", &["add_column"], &output)).succeeded();
        folder.run(pipeline(&output, &[], "again.csv")).succeeded();
        assert_eq!(folder.text("again.csv"), "text,id,length\n", "{to}");
    }
}
