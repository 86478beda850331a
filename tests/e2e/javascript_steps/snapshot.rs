//! The snapshot of an instance after it has loaded the modules of a step.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use stillbox::bench_support::{BenchAllocation, BenchEngine};
use stillbox::component::CompileCache;

use super::write_step;
use crate::harness::{Folder, javascript, outcome};

/// A step that drops rows by a table, which it makes while it is loaded.
const CODE: &str = "
import { integer, transform } from 'stillbox';
const odd = new Set();
for (let i = 1; i < 1000; i += 2) odd.add(i);
console.log(`${odd.size} odd numbers`);
export default transform({ parameters: { limit: integer() }, input: { id: integer() } }, (row, { limit }) => row.id < limit && odd.has(row.id));
";

#[test]
fn instances_start_from_a_snapshot_in_which_the_modules_are_loaded() {
    let folder = Folder::new();
    write_step(&folder, "step.js", CODE);
    outcome(javascript::command(&folder).args(["build", "step", "--out", "step.wasm"])).succeeded();
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
    let rows = RecordBatch::try_from_iter([("id", column)]).unwrap();
    let engine = BenchEngine::new(2, BenchAllocation::OnDemand, CompileCache::disabled()).unwrap();
    let step = engine.step(&folder.join("step.wasm"), "{\"limit\":50}").unwrap();
    assert_eq!(step.fresh(&rows).unwrap(), 25);
    let step = step.with_snapshot().unwrap();
    assert_eq!(step.fresh(&rows).unwrap(), 25);
    assert_eq!(step.fresh(&rows).unwrap(), 25);
}
