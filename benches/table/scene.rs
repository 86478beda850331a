//! The inputs, components and numbers of runs of all measurements.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder};
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field};
use stillbox::bench_support::{BenchAllocation, BenchEngine, BenchStep};
use stillbox::build::{BuildOptions, build_step};
use stillbox::component::CompileCache;
use tempfile::TempDir;

use crate::generate::{SEED, input};

/// The folder of the workspace.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
/// The cache of compiled components.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/components");
/// Elements in the vectors that are copied: as many as common embeddings of texts have.
const WIDTH: i32 = 768;

pub(crate) struct Scene {
    /// How often everything is measured.
    pub(crate) rounds: usize,
    quick: bool,
    folder: TempDir,
    built: RefCell<HashMap<String, PathBuf>>,
}

impl Scene {
    /// As much as figures need.
    pub(crate) fn full() -> Self {
        Self::new(7, false)
    }

    /// As little as shows that it works.
    pub(crate) fn quick() -> Self {
        Self::new(1, true)
    }

    fn new(rounds: usize, quick: bool) -> Self {
        let folder = TempDir::with_prefix_in("bench-", env!("CARGO_TARGET_TMPDIR")).expect("the folder of the build");
        Self { rounds, quick, folder, built: RefCell::default() }
    }

    /// This many, or twenty at most if it is only to be shown that it works.
    pub(crate) fn count(&self, full: usize) -> usize {
        if self.quick { full.min(20) } else { full }
    }

    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }

    /// A path in the folder of this run.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The benchmark's input with so many rows.
    pub(crate) fn input(&self, rows: usize) -> PathBuf {
        let path = self.path(&format!("input-{rows}.jsonl"));
        if !path.exists() {
            fs::write(&path, input(SEED, rows)).expect("there is room for the input");
        }
        path
    }

    /// The component of a step: optimised as `stillbox build` does it, or as the tests have it.
    pub(crate) fn component(&self, name: &str) -> PathBuf {
        if self.quick {
            let found = stillbox_test_guests::ALL.iter().find(|(of, _)| *of == name);
            return found.unwrap_or_else(|| panic!("there is no step {name}")).1.into();
        }
        if let Some(built) = self.built.borrow().get(name) {
            return built.clone();
        }
        let folders = ["steps", "benches/steps"].map(|folder| Path::new(ROOT).join(folder).join(name));
        let folder = folders.iter().find(|folder| folder.is_dir()).unwrap_or_else(|| panic!("there is no step {name}"));
        let built = build_step(folder, BuildOptions::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        self.built.borrow_mut().insert(name.to_owned(), built.wasm.clone());
        built.wasm
    }

    /// The command, with a cache that is warm after the first run.
    pub(crate) fn stillbox(&self, pipeline: &Path, threads: usize) -> Command {
        self.stillbox_with_cache(pipeline, threads, Path::new(CACHE))
    }

    /// The command with a cache of its own.
    pub(crate) fn stillbox_with_cache(&self, pipeline: &Path, threads: usize, cache: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stillbox"));
        command.current_dir(self.folder.path()).arg("run").arg(pipeline).arg("--threads").arg(threads.to_string());
        command.args(["--progress", "none", "--cache-dir"]).arg(cache);
        command.env("STILLBOX_STATE", self.path("runs"));
        command
    }

    /// One of the native programs.
    pub(crate) fn native(&self, which: &str, input: &Path, threads: usize) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("it is running"));
        command.args(["native", which]).arg(input).arg(self.path("native.jsonl")).arg(threads.to_string());
        command
    }

    /// The text benchmark as a pipeline file. Its output is `output.jsonl`.
    pub(crate) fn text_pipeline(&self, input: &Path, batch_rows: usize) -> PathBuf {
        let bounds = r#""min-words" = 5, "max-words" = 60, "min-bytes" = 40, "max-bytes" = 400"#;
        let steps = [
            ("normalize-text", r#"column = "text""#),
            ("filter-text", &format!(r#"column = "text", {bounds}"#)),
            ("text-features", r#"column = "text""#),
        ];
        self.pipeline(&format!("text-{batch_rows}"), input, batch_rows, &steps)
    }

    /// A chain of steps as a pipeline file. Its output is `output.jsonl`.
    pub(crate) fn pipeline(&self, name: &str, input: &Path, batch_rows: usize, steps: &[(&str, &str)]) -> PathBuf {
        self.pipeline_to("output.jsonl", name, input, batch_rows, steps)
    }

    /// A chain of steps as a pipeline file, with this output.
    pub(crate) fn pipeline_to(
        &self,
        output: &str,
        name: &str,
        input: &Path,
        batch_rows: usize,
        steps: &[(&str, &str)],
    ) -> PathBuf {
        let mut text = format!(
            "[pipeline]\nname = \"{name}\"\nbatch-rows = {batch_rows}\n\n[[source]]\npath = {:?}\n",
            input.display().to_string()
        );
        for (index, (step, parameters)) in steps.iter().enumerate() {
            let component = self.component(step).display().to_string();
            let _ = write!(
                text,
                "\n[[step]]\nname = \"{step}-{index}\"\ncomponent = {component:?}\nparameters = {{ {parameters} }}\n"
            );
        }
        let _ = write!(text, "\n[[sink]]\npath = {output:?}\n");
        let path = self.path(&format!("{name}.toml"));
        fs::write(&path, text).expect("the folder can be written to");
        path
    }

    /// A step that is bound to parameters.
    pub(crate) fn step(&self, lab: &BenchEngine, name: &str, parameters: &str) -> BenchStep {
        lab.step(&self.component(name), parameters).unwrap_or_else(|problem| panic!("{name}: {problem}"))
    }
}

/// An engine for as many instances as two threads need.
pub(crate) fn lab(allocation: BenchAllocation) -> BenchEngine {
    BenchEngine::new(8, allocation, CompileCache::at(CACHE)).unwrap_or_else(|problem| panic!("{problem}"))
}

/// Rows with one column.
pub(crate) fn column(name: &str, values: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter([(name, values)]).expect("it is one column")
}

/// Texts as the benchmark has them.
pub(crate) fn texts(rows: usize) -> ArrayRef {
    let lines = input(SEED, rows);
    let texts = lines.lines().map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).expect("it is JSON");
        value["text"].as_str().expect("it is a text").to_owned()
    });
    Arc::new(StringArray::from_iter_values(texts))
}

pub(crate) fn integers(rows: usize) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(0..rows as i64))
}

pub(crate) fn vectors(rows: usize) -> ArrayRef {
    let element = Field::new("item", DataType::Float32, false);
    let elements = Float32Builder::with_capacity(rows * WIDTH as usize);
    let mut vectors = FixedSizeListBuilder::with_capacity(elements, WIDTH, rows).with_field(element);
    for row in 0..rows {
        for element in 0..WIDTH {
            vectors.values().append_value((row as f32 + element as f32).sin());
        }
        vectors.append(true);
    }
    Arc::new(vectors.finish())
}
