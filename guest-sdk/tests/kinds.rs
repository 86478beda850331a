//! Sources and aggregates.

use stillbox_sdk::contract::{ErrorKind, Kind};
use stillbox_sdk::testing::{batch, bind, column, manifest, values};
use stillbox_sdk::{Aggregate, Batch, Input, Output, Parameters, Result, Rows, Source, ensure, step};

#[derive(Parameters)]
struct Count {
    count: i64,
    column: String,
}

#[derive(Output)]
struct Number {
    #[column(from = "column")]
    number: i64,
}

struct Numbers {
    left: i64,
}

/// Counts down.
#[step]
impl Source for Numbers {
    type Parameters = Count;
    type Output = Number;

    fn new(parameters: &Count) -> Result<Self> {
        ensure!(parameters.count >= 0, "cannot count down from {}", parameters.count);
        Ok(Self { left: parameters.count })
    }

    fn next(&mut self) -> Result<Option<Rows<Number>>> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut rows = Rows::new();
        rows.push(Number { number: self.left })?;
        self.left -= 1;
        Ok(Some(rows))
    }
}

#[derive(Input)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Output)]
struct Total {
    total: usize,
}

#[derive(Default)]
struct LastOfEach {
    seen: usize,
    last: Vec<(String, usize)>,
    done: bool,
}

/// Keeps the last row of each text.
#[step]
impl Aggregate for LastOfEach {
    type Parameters = ();
    type Input = Text<'static>;
    type Output = Total;

    fn new((): &()) -> Result<Self> {
        Ok(Self::default())
    }

    fn process(&mut self, batch: Batch<'_, Text<'_>>) -> Result<Rows<Total>> {
        for row in batch.iter() {
            let text = row?.text;
            self.last.retain(|(seen, _)| seen != text);
            self.last.push((text.to_owned(), self.seen));
            self.seen += 1;
        }
        Ok(Rows::new())
    }

    fn finish(&mut self) -> Result<Option<Rows<Total>>> {
        if std::mem::replace(&mut self.done, true) {
            return Ok(None);
        }
        let mut rows = Rows::new();
        for (_, row) in &self.last {
            rows.push_from(*row, Total { total: self.seen })?;
        }
        Ok(Some(rows))
    }
}

#[test]
fn a_source_returns_rows_until_it_returns_none() {
    let mut step = bind::<Numbers>(r#"{"count": 2, "column": "n"}"#).unwrap();
    assert_eq!(step.signature().inputs.len(), 0);
    assert_eq!(step.signature().outputs[0].name, "n");
    let mut numbers = Vec::new();
    while let Some(output) = step.finish().unwrap() {
        assert_eq!(output.origins, None);
        numbers.extend(values::<i64>(&output, "n"));
    }
    assert_eq!(numbers, [2, 1]);
}

#[test]
fn a_source_can_reject_its_parameters() {
    let error = bind::<Numbers>(r#"{"count": -1, "column": "n"}"#).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Parameters, "cannot count down from -1"));
}

#[test]
fn an_aggregate_sees_all_batches_before_it_finishes() {
    let mut step = bind::<LastOfEach>("{}").unwrap();
    for texts in [["a", "b"], ["a", "c"]] {
        let output = step.process(&batch([column("text", texts)])).unwrap();
        assert_eq!((output.rows, output.origins.as_deref()), (0, Some(&[][..])));
        assert_eq!(output.columns[0].name, "total");
    }
    let output = step.finish().unwrap().unwrap();
    assert_eq!(output.origins.as_deref(), Some(&[1, 2, 3][..]));
    assert_eq!(values::<i64>(&output, "total"), [4, 4, 4]);
    assert!(step.finish().unwrap().is_none());
}

#[test]
fn an_aggregate_that_returns_all_rows_in_order_still_has_origins() {
    let mut step = bind::<LastOfEach>("{}").unwrap();
    step.process(&batch([column("text", ["a", "b"])])).unwrap();
    let output = step.finish().unwrap().unwrap();
    assert_eq!(output.origins.as_deref(), Some(&[0, 1][..]), "without origins the rows would count as new");
}

#[test]
fn the_manifest_contains_the_kind_of_a_step() {
    let numbers = manifest::<Numbers>();
    assert_eq!((numbers.kind, numbers.summary.as_str()), (Kind::Source, "Counts down."));
    assert_eq!(manifest::<LastOfEach>().kind, Kind::Aggregate);
}

#[test]
fn a_call_that_the_kind_does_not_support_is_an_error() {
    let mut source = bind::<Numbers>(r#"{"count": 1, "column": "n"}"#).unwrap();
    let error = source.process(&batch([column("text", ["a"])])).unwrap_err();
    assert_eq!(error.message, "the host called `process`, which a step of the kind source does not support");
}
