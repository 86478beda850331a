//! Fresh instances that are bound, and ones that start from a snapshot.

use std::path::Path;
use std::sync::OnceLock;

use arrow_array::{Int64Array, RecordBatch};
use stillbox_test_guests::BUILD_TABLE;

use super::*;
use crate::batch::RowOrigins;
use crate::component::{CompileCache, Compiler, Component};
use crate::engine::{Fuel, Resident, Traps, engine};
use crate::limits::Limits;
use crate::loader::{ComponentLoader, StepSnapshot};
use crate::plan::standalone_step;
use crate::source::{RowPositions, SourceSchema};

struct Scene {
    loader: Arc<ComponentLoader>,
    component: Arc<Component>,
    stop: Stop,
}

impl Scene {
    /// The guest, compiled once for all tests.
    fn get() -> &'static Self {
        static SCENE: OnceLock<Scene> = OnceLock::new();
        SCENE.get_or_init(|| {
            let engine = engine(8, (Fuel::Off, Traps::default()), Resident::Much).unwrap();
            let loader = ComponentLoader::new(engine, CompileCache::disabled(), Compiler::default()).unwrap();
            let stop = Stop::default();
            let component = loader.load(Path::new(BUILD_TABLE), &Limits::default(), &stop).unwrap();
            Scene { loader: Arc::new(loader), component, stop }
        })
    }

    fn step(&self, parameters: &str) -> Step {
        let limits = Limits::default();
        let subject = CallSubject::function("bind");
        let options = CallOptions { limits: &limits, stop: &self.stop, seed: 0, access: None, log: None, subject };
        let signature = self.loader.bind(&self.component, parameters, &options).unwrap();
        let schema = SourceSchema::Known(ids(0..1).columns.schema());
        let bound = (parameters.into(), signature);
        standalone_step(Arc::clone(&self.component), bound, (limits, None), &schema, "the test").unwrap()
    }

    fn snapshotted(&self, step: &Step) -> Step {
        let snapshot = StepSnapshot::make_here(&self.loader, &self.component, &step.parameters, &step.limits);
        Step { snapshot: Some(snapshot.unwrap()), ..step.clone() }
    }

    fn call(&self, step: &Step, batch: u64, ids: Range<i64>) -> (Result<StepOutput, Box<Failure>>, u64) {
        let callee = Callee { step, sandbox: self.loader.sandbox(), stop: &self.stop };
        let mut instance = StepInstance::new(callee, batch);
        let rows = self::ids(ids);
        let output = CallInput::new(step, &rows, 0..rows.count()).and_then(|input| instance.process(callee, &input));
        (output, instance.peak_memory())
    }
}

fn ids(ids: Range<i64>) -> Rows {
    let column: arrow_array::ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
    let columns = RecordBatch::try_from_iter([("id", column)]).unwrap();
    let origin = RowOrigins::new(RowPositions::rows("test".into(), 1), 0, columns.num_rows());
    Rows { columns, origin }
}

fn has_snapshot(step: &Step) -> bool {
    step.snapshot.as_ref().is_some_and(|snapshot| snapshot.get().is_some())
}

#[test]
fn an_instance_that_starts_from_a_snapshot_does_what_one_that_is_bound_does() {
    let scene = Scene::get();
    let bound = scene.step(r#"{"entries":"100000","also":"variables"}"#);
    let snapshotted = scene.snapshotted(&bound);
    assert!(!has_snapshot(&bound) && has_snapshot(&snapshotted));
    let mut random = std::collections::HashSet::new();
    for batch in [0, 1, u64::MAX] {
        let [(one, peak), (other, other_peak)] = [&bound, &snapshotted].map(|step| scene.call(step, batch, 100..150));
        let [one, other] = [one, other].map(|output| output.unwrap().output.columns);
        // The order of a hash map is the same, and so are random numbers.
        assert_eq!(one, other);
        assert_eq!(peak, other_peak);
        let column = one[2].as_any().downcast_ref::<Int64Array>().unwrap();
        random.extend(column.iter());
    }
    assert_eq!(random.len(), 150, "random numbers of different batches differ");
}

#[test]
fn a_failure_after_a_snapshot_has_the_line_of_the_author_and_the_messages_of_bind() {
    let scene = Scene::get();
    let bound = scene.step(r#"{"entries":"1000"}"#);
    let failure = |step: &Step| {
        let mut failure = scene.call(step, 7, 0..9).0.err().unwrap();
        failure.elapsed_ms = None;
        failure
    };
    let (expected, found) = (failure(&bound), failure(&scene.snapshotted(&bound)));
    assert_eq!(expected, found);
    assert_eq!(found.log.iter().map(|entry| &*entry.message).collect::<Vec<_>>(), ["a table of 1000 entries"]);
    let location = found.location.unwrap();
    assert!(location.file.ends_with("build_table.rs") && location.line > 1, "{location:?}");
    let places = found.backtrace.iter().filter_map(|frame| frame.location.as_ref());
    let mut own = places.filter(|place| place.file.ends_with("build_table.rs"));
    assert_eq!(own.next().map(|place| place.line), Some(location.line), "{:?}", found.backtrace);
}

#[test]
fn the_seed_of_a_hash_map_needs_no_context_of_wasi() {
    let scene = Scene::get();
    for (also, uses_wasi) in [("nothing", false), ("clock", true)] {
        let step = scene.step(&format!(r#"{{"entries":"10","also":"{also}"}}"#));
        let callee = Callee { step: &step, sandbox: scene.loader.sandbox(), stop: &scene.stop };
        let mut instance = StepInstance::new(callee, 0);
        let rows = ids(0..0);
        instance.process(callee, &CallInput::new(&step, &rows, 0..0).unwrap()).unwrap();
        assert_eq!(instance.session.state().has_used_wasi(), uses_wasi, "{also}");
    }
}

#[test]
fn a_step_whose_bind_calls_the_host_is_bound_each_time() {
    let scene = Scene::get();
    for also in ["random", "clock", "print"] {
        let step = scene.step(&format!(r#"{{"entries":"10","also":"{also}"}}"#));
        let snapshotted = scene.snapshotted(&step);
        assert!(!has_snapshot(&snapshotted), "{also}");
        let [one, other] = [&step, &snapshotted].map(|step| scene.call(step, 5, 10..20).0.unwrap().output.columns);
        assert_eq!(one, other, "{also}");
    }
}
