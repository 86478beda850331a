//! The same work without a sandbox: what Stillbox is measured against.
//!
//! Two programs, written to be as fast as ordinary Rust is. The first reads and writes as Stillbox does, through Arrow,
//! with the three steps fused into one loop over a text column. The second has no columns at all: it borrows each text
//! from its line and writes the line that comes out.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use arrow_array::cast::AsArray as _;
use arrow_array::types::Int64Type;
use arrow_array::{Array as _, Int64Array, RecordBatch, StringArray};
use arrow_buffer::{OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Schema};
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};
use stillbox::bench_support::{BenchError, BenchInput, BenchOutput};
use text_features::{Features, features};

/// Rows in a batch.
const BATCH_ROWS: usize = 1000;
/// Batches on the road for each thread.
const BATCHES_PER_THREAD: usize = 3;
/// Text in a chunk of the program without columns: about as much as a batch has.
const CHUNK_BYTES: usize = 256 << 10;

/// Reads and writes through Arrow.
pub(crate) fn through_arrow(input: &Path, output: &Path, threads: usize) -> Result<(), BenchError> {
    let mut input = BenchInput::open(input, BATCH_ROWS)?;
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("text", DataType::Utf8, true),
        Field::new("n_words", DataType::Int64, true),
        Field::new("n_bytes", DataType::Int64, true),
        Field::new("tri_hash", DataType::Int64, true),
    ]));
    let mut output = BenchOutput::open(output, Arc::clone(&schema))?;
    let encode = output.encoder();
    let pieces = std::iter::from_fn(|| input.next_chunk().transpose());
    let clean = move |piece: Result<stillbox::bench_support::Raw, BenchError>| {
        let rows = piece?.decode()?;
        encode(&cleaned(&rows, &schema)?)
    };
    in_order(threads, pieces, clean, |text| output.write(text))?;
    output.finish()
}

fn cleaned(rows: &RecordBatch, schema: &Arc<Schema>) -> Result<RecordBatch, BenchError> {
    let ids = rows.column(0).as_primitive::<Int64Type>();
    let texts = rows.column(1).as_string::<i32>();
    let mut kept = Vec::with_capacity(rows.num_rows());
    let mut offsets = Vec::with_capacity(rows.num_rows() + 1);
    let mut bytes = String::with_capacity(texts.value_data().len());
    let mut made: [Vec<i64>; 3] = std::array::from_fn(|_| Vec::with_capacity(rows.num_rows()));
    offsets.push(0);
    for row in 0..texts.len() {
        let start = bytes.len();
        match clean(texts.value(row), &mut bytes) {
            None => bytes.truncate(start),
            Some(Features { n_words, n_bytes, tri_hash }) => {
                kept.push(ids.value(row));
                offsets.push(i32::try_from(bytes.len())?);
                for (column, value) in made.iter_mut().zip([n_words as i64, n_bytes as i64, i64::from(tri_hash)]) {
                    column.push(value);
                }
            }
        }
    }
    let texts = StringArray::new(OffsetBuffer::new(ScalarBuffer::from(offsets)), bytes.into_bytes().into(), None);
    let [n_words, n_bytes, tri_hash] = made.map(|column| Arc::new(Int64Array::from(column)) as _);
    let columns = vec![Arc::new(Int64Array::from(kept)) as _, Arc::new(texts) as _, n_words, n_bytes, tri_hash];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// The three steps: appends the normalised text, and says its features if the row is kept.
fn clean(text: &str, out: &mut String) -> Option<Features> {
    let start = out.len();
    normalize_text::normalize(text, out);
    let text = &out[start..];
    if !(40..=400).contains(&text.len()) {
        return None;
    }
    let words = memchr::memchr_iter(b' ', text.as_bytes()).count() + 1;
    (5..=60).contains(&words).then(|| features(text))
}

/// Has no columns.
pub(crate) fn without_columns(input: &Path, output: &Path, threads: usize) -> Result<(), BenchError> {
    let mut input = Chunks { file: File::open(input)?, rest: Vec::new() };
    let mut out = BufWriter::with_capacity(1 << 20, File::create(output)?);
    let chunks = std::iter::from_fn(move || input.next_chunk().transpose());
    in_order(threads, chunks, |chunk| clean_lines(&chunk?), |text| Ok(out.write_all(&text)?))?;
    out.into_inner()?.sync_all()?;
    Ok(())
}

#[derive(Deserialize)]
struct Line<'a> {
    id: i64,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

#[derive(Serialize)]
struct Cleaned<'a> {
    id: i64,
    text: &'a str,
    n_words: u64,
    n_bytes: u64,
    tri_hash: u32,
}

fn clean_lines(chunk: &[u8]) -> Result<Vec<u8>, BenchError> {
    let text = simdutf8::basic::from_utf8(chunk)?;
    let mut out = Vec::with_capacity(chunk.len() + chunk.len() / 8);
    let mut cleaned = String::new();
    for line in text.lines() {
        let Line { id, text } = serde_json::from_str(line)?;
        cleaned.clear();
        if let Some(Features { n_words, n_bytes, tri_hash }) = clean(&text, &mut cleaned) {
            serde_json::to_writer(&mut out, &Cleaned { id, text: &cleaned, n_words, n_bytes, tri_hash })?;
            out.push(b'\n');
        }
    }
    Ok(out)
}

/// Cuts a file after line breaks.
struct Chunks {
    file: File,
    rest: Vec<u8>,
}

impl Chunks {
    fn next_chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut chunk = std::mem::take(&mut self.rest);
        loop {
            let read = (&self.file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
            if read == 0 {
                return Ok((!chunk.is_empty()).then_some(chunk));
            }
            if let Some(end) = memchr::memrchr(b'\n', &chunk) {
                self.rest = chunk.split_off(end + 1);
                return Ok(Some(chunk));
            }
        }
    }
}

/// Does the work on as many threads as there are to be, and hands over what comes of it in order. A bounded number of
/// pieces is on the road.
fn in_order<T: Send, R: Send + 'static>(
    threads: usize,
    pieces: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> Result<R, BenchError> + Send + Sync,
    mut take: impl FnMut(R) -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    let pool: ThreadPool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (slots, order) = sync_channel::<Receiver<Result<R, BenchError>>>(threads * BATCHES_PER_THREAD);
    std::thread::scope(|threads| {
        let (pool, work) = (&pool, &work);
        threads.spawn(move || {
            pool.in_place_scope_fifo(|scope| {
                for piece in pieces {
                    let (slot, result) = sync_channel(1);
                    if slots.send(result).is_err() {
                        return;
                    }
                    scope.spawn_fifo(move |_| {
                        let _ = slot.send(work(piece));
                    });
                }
                drop(slots);
            });
        });
        order.iter().try_for_each(|result| take(result.recv()??))
    })
}

/// Runs one of the two programs: the table starts itself for that.
pub(crate) fn run(arguments: &[String]) -> Result<(), BenchError> {
    let [which, input, output, threads] = arguments else { return Err("which, input, output, threads".into()) };
    let (input, output, threads) = (Path::new(input), Path::new(output), threads.parse()?);
    match which.as_str() {
        "arrow" => through_arrow(input, output, threads),
        "lines" => without_columns(input, output, threads),
        other => Err(format!("there is no {other}").into()),
    }?;
    fs::metadata(output)?;
    Ok(())
}
