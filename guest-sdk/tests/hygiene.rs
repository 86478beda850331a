//! The macros accept names that their generated code could use.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stillbox_sdk::testing::{batch, bind, column, values};

#[derive(stillbox_sdk::Parameters)]
struct Parameters {
    #[parameter(default = 1)]
    object: i64,
    #[parameter(default = 1, min = 1)]
    problems: i64,
    #[parameter(default = 1)]
    value: i64,
    #[parameter(default = "columns")]
    at: String,
    #[parameter(default = 1)]
    keys: i64,
    #[parameter(default = 1)]
    out: i64,
    #[parameter(default = 1)]
    r#type: i64,
}

#[derive(stillbox_sdk::Input)]
struct Input {
    #[column(from = "at")]
    columns: i64,
    row: i64,
    opener: i64,
    r#type: i64,
}

#[derive(stillbox_sdk::Output)]
struct Output {
    builders: i64,
    rows: i64,
}

mod process {
    use super::{Input, Output, Parameters};

    /// Adds numbers up.
    #[stillbox_sdk::step]
    pub(crate) fn process(p: &Parameters, i: Input) -> stillbox_sdk::Result<Output> {
        let builders = p.object + p.problems + p.value + p.keys + p.out + p.r#type;
        Ok(Output { builders, rows: i.columns + i.row + i.opener + i.r#type })
    }
}

mod parameters {
    use super::{Input, Output, Parameters};

    /// Adds numbers up.
    #[stillbox_sdk::step]
    pub(crate) fn parameters(p: &Parameters, i: Input) -> stillbox_sdk::Result<Output> {
        super::process::process(p, i)
    }
}

mod rows {
    use super::{Input, Output, Parameters};

    /// Adds numbers up.
    #[stillbox_sdk::step]
    pub(crate) fn rows(p: &Parameters, i: Input) -> stillbox_sdk::Result<Output> {
        super::process::process(p, i)
    }
}

fn run<S: stillbox_sdk::testing::Step>() -> (Vec<i64>, Vec<i64>) {
    let names = ["columns", "row", "opener", "type"];
    let batch = batch(names.map(|name| column(name, [1])));
    let output = bind::<S>(r#"{"type": 2}"#).unwrap().process(&batch).unwrap();
    (values(&output, "builders"), values(&output, "rows"))
}

#[test]
fn names_of_the_author_do_not_collide_with_generated_names() {
    let expected = (vec![7], vec![4]);
    assert_eq!(run::<process::process>(), expected);
    assert_eq!(run::<parameters::parameters>(), expected);
    assert_eq!(run::<rows::rows>(), expected);
}
