//! The cost of more threads, more steps, more columns and larger batches.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use arrow_array::ArrayRef;

use crate::compute::hash_all;
use crate::figures::{Figures, Unit, in_turn, ratios, seconds};
use crate::print::{Line, heading};
use crate::process::time;
use crate::scene::{Scene, texts};

/// Rows of the inputs here.
const ROWS: usize = 100_000;

pub(crate) fn print(scene: &Scene) {
    threads(scene);
    batches(scene);
    steps(scene);
    columns(scene);
}

fn line(what: &str, samples: &[f64], against: &str, others: &[f64]) {
    let figures = Figures::new(samples.to_vec());
    Line::new(what, &figures, Unit::Time).against(against, ratios(samples, others)).print();
}

fn threads(scene: &Scene) {
    heading("Threads: text benchmark, 100000 rows, whole process");
    let pipeline = scene.text_pipeline(&scene.input(scene.count(ROWS)), 1000);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let run = |threads| time(&mut scene.stillbox(&pipeline, threads));
    let [one, two, all, more] =
        in_turn(scene.rounds, [&mut || run(1), &mut || run(2), &mut || run(cores), &mut || run(cores * 4)]);
    line("1 thread", &one, "1 thread", &one);
    line("2 threads", &two, "1 thread", &one);
    line(&format!("{cores} threads, as many as cores"), &all, "1 thread", &one);
    line(&format!("{} threads", cores * 4), &more, "1 thread", &one);
    // The cores of some machines are halves of one. This is the speed that they have together.
    let (texts, rounds) = (texts(scene.count(1000)), scene.count(1000));
    let hash = |threads| hash_on(&texts, rounds, threads);
    let [one, two] = in_turn(scene.rounds, [&mut || hash(1), &mut || hash(2)]);
    line("work that shares nothing, 1 thread", &one, "1 thread", &one);
    line("work that shares nothing, 2 threads", &two, "1 thread", &one);
}

/// How long it takes to hash texts this often, on threads that share the work.
fn hash_on(texts: &ArrayRef, rounds: usize, threads: usize) -> f64 {
    seconds(|| {
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    for _ in 0..rounds / threads {
                        std::hint::black_box(hash_all(texts));
                    }
                });
            }
        });
    })
}

fn batches(scene: &Scene) {
    heading("Rows in a batch: text benchmark, 100000 rows, 2 threads, whole process");
    let input = scene.input(scene.count(ROWS));
    let run = |rows| {
        let pipeline = scene.text_pipeline(&input, rows);
        time(&mut scene.stillbox(&pipeline, 2))
    };
    let [small, thousand, large] = in_turn(scene.rounds, [&mut || run(50), &mut || run(1000), &mut || run(8192)]);
    line("50 rows", &small, "1000 rows", &thousand);
    line("1000 rows", &thousand, "1000 rows", &thousand);
    line("8192 rows", &large, "1000 rows", &thousand);
}

fn steps(scene: &Scene) {
    heading("Number of steps: 100000 rows, each step filters and drops nothing, 2 threads, whole process");
    let input = scene.input(scene.count(ROWS));
    let pipeline = |count: usize| {
        scene.pipeline(&format!("steps-{count}"), &input, 1000, &vec![("filter-text", r#"column = "text""#); count])
    };
    let pipelines = [1, 4, 16].map(pipeline);
    let run = |index: usize| time(&mut scene.stillbox(&pipelines[index], 2));
    let [one, four, sixteen] = in_turn(scene.rounds, [&mut || run(0), &mut || run(1), &mut || run(2)]);
    line("1 step", &one, "1 step", &one);
    line("4 steps", &four, "1 step", &one);
    line("16 steps", &sixteen, "1 step", &one);
}

/// Numbers of columns that no step reads.
const COLUMNS: [usize; 3] = [2, 20, 200];

fn columns(scene: &Scene) {
    let inputs = COLUMNS.map(|columns| {
        let input = scene.path(&format!("columns-{columns}.jsonl"));
        fs::write(&input, rows(scene.count(20_000), columns)).expect("there is room for the input");
        input
    });
    let step = [("filter-text", r#"column = "text""#)];
    let pipelines = |inputs: &[PathBuf; 3], output: &str| {
        // An output of its own for each, as the run that replaces a large file also waits until that is deleted.
        let name = |columns| format!("columns-{columns}-{output}");
        [0, 1, 2].map(|index| {
            let name = name(COLUMNS[index]);
            scene.pipeline_to(&name, &name, &inputs[index], 1000, &step)
        })
    };
    carried(scene, "JSON Lines to JSON Lines", &pipelines(&inputs, "output.jsonl"));
    let inputs = [0, 1, 2].map(|index| {
        let output = format!("columns-{}.parquet", COLUMNS[index]);
        let convert = scene.pipeline_to(&output, "convert", &inputs[index], 1000, &[]);
        time(&mut scene.stillbox(&convert, 2));
        scene.path(&output)
    });
    carried(scene, "Parquet to Parquet", &pipelines(&inputs, "output.parquet"));
}

/// Rows as JSON Lines, half of whose further columns are texts, and half integers.
fn rows(rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str("{\"text\":\"a short text of six words\"");
        for column in 0..columns {
            let _ = if column % 2 == 0 {
                write!(text, ",\"c{column}\":\"value {row}\"")
            } else {
                write!(text, ",\"c{column}\":{}", row * column)
            };
        }
        text.push_str("}\n");
    }
    text
}

fn carried(scene: &Scene, formats: &str, pipelines: &[PathBuf; 3]) {
    heading(&format!("Columns that are carried along, {formats}: 20000 rows, one step, 2 threads, whole process"));
    let run = |index: usize| time(&mut scene.stillbox(&pipelines[index], 2));
    let [two, twenty, many] = in_turn(scene.rounds, [&mut || run(0), &mut || run(1), &mut || run(2)]);
    line("2 columns", &two, "2 columns", &two);
    line("20 columns", &twenty, "2 columns", &two);
    line("200 columns", &many, "2 columns", &two);
}
