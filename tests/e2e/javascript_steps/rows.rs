//! `Rows`, and rows that aggregates return: each comes from the input row that it names, and no rejected row has one.

use super::{output, rejected, run_in};
use crate::harness::Folder;

const THREE: &str = "{\"x\":1}\n{\"x\":2}\n{\"x\":6}\n";

/// A function of a batch that adds rows to `rows`.
fn batch(body: &str) -> String {
    format!(
        "import {{ transformBatch, integer, Rows, InputError }} from 'stillbox';\n\
         export default transformBatch({{ input: {{ x: integer() }}, output: {{ y: integer() }} }}, (batch) => {{\n\
         const rows = new Rows();\n{body}\nreturn rows;\n}});\n"
    )
}

/// An aggregate with these functions.
fn aggregate(functions: &str) -> String {
    format!(
        "import {{ aggregate, integer, Drop, Rows }} from 'stillbox';\n\
         export default aggregate({{ input: {{ x: integer() }}, output: {{ y: integer() }} }}, () => ({{ {functions} }}));\n"
    )
}

#[test]
fn rows_that_break_a_rule_fail_the_batch() {
    for (body, message) in [
        (
            "for (const row of batch) if (row.x > 5) rows.push({ y: row.x });",
            "the function returned 1 rows for 3 input rows and rejected 0, without naming the input row of each",
        ),
        (
            "for (const row of batch) rows.push({ y: row.x }); rows.reject(0, new InputError('bad'));",
            "the function returned 3 rows for 3 input rows and rejected 1, without naming the input row of each",
        ),
        (
            "rows.push({ y: 1 }); rows.pushFrom(1, { y: 1 });",
            "some rows name the input row that they come from, and some do not",
        ),
        (
            "rows.pushFrom(1, { y: 1 }); rows.reject(1, new InputError('bad'));",
            "row 1 is rejected, but an output row comes from it",
        ),
        (
            "rows.reject(1, new InputError('bad')); rows.pushFrom(1, { y: 1 });",
            "row 1 is rejected, but an output row comes from it",
        ),
        ("rows.reject(1, new InputError('a')); rows.reject(1, new InputError('b'));", "row 1 is rejected twice"),
        ("rows.pushFrom(3, { y: 1 });", "row 3 is out of range: there are 3 input rows"),
        ("rows.pushFrom('1', { y: 1 });", "row the text \"1\" is out of range: there are 3 input rows"),
    ] {
        let stderr = run_in(&Folder::new(), &batch(body), THREE, "").failed(1);
        assert!(stderr.contains(message), "{body}\n{stderr}");
        assert!(stderr.contains("step.js:2"), "{body}\n{stderr}");
    }
}

#[test]
fn no_rows_are_no_output_rows() {
    assert_eq!(output(&batch(""), THREE), "");
}

#[test]
fn a_value_that_does_not_fit_removes_all_output_rows_of_its_input_row() {
    let code = batch(
        "rows.pushFrom(1, { y: 1 }); rows.pushFrom(1, { y: 0.5 }); rows.pushFrom(1, { y: 2 }); rows.pushFrom(2, { y: 3 });",
    );
    let (output, failures) = super::output_and_failures(&code, THREE);
    assert_eq!(output, "{\"x\":6,\"y\":3}\n");
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0]["message"], "`y` must be a whole number, not 0.5");
}

#[test]
fn vectors_of_two_widths_in_one_list_reject_their_row() {
    let code = "import { transform, integer, vector } from 'stillbox';\n\
                export default transform({ input: { x: integer() }, output: { v: vector() } },\n\
                (row) => [{ v: [1] }, { v: row.x === 1 ? [1, 2] : [2] }]);\n";
    let (output, failures) = super::output_and_failures(code, "{\"x\":1}\n{\"x\":2}\n");
    assert_eq!(output, "{\"x\":2,\"v\":[1.0]}\n{\"x\":2,\"v\":[2.0]}\n");
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0]["message"], "`v` has 2 elements, and the vectors before it have 1");
}

#[test]
fn rows_at_the_end_of_an_aggregate_are_new_unless_they_name_an_input_row() {
    let code = aggregate(
        "process() {}, finish() { const rows = new Rows(); for (let y = 0; y < 4; y++) rows.push({ y }); return rows; }",
    );
    assert_eq!(
        output(&code, THREE),
        "{\"x\":null,\"y\":0}\n{\"x\":null,\"y\":1}\n{\"x\":null,\"y\":2}\n{\"x\":null,\"y\":3}\n"
    );
    let mixed = "const rows = new Rows(); rows.pushFrom(0, { y: 1 }); rows.push({ y: 2 }); return rows;";
    let code = aggregate(&format!("process() {{}}, finish() {{ {mixed} }}"));
    let stderr = run_in(&Folder::new(), &code, THREE, "").failed(1);
    assert!(stderr.contains("some rows name the input row that they come from, and some do not"), "{stderr}");
}

#[test]
fn an_aggregate_can_return_rows_for_those_it_processes() {
    let last = "{\"x\":null,\"y\":9}\n";
    let finish = "finish() { return { y: 9 }; }";
    let all = format!("{{\"x\":1,\"y\":1}}\n{{\"x\":2,\"y\":2}}\n{{\"x\":6,\"y\":6}}\n{last}");
    for (process, expected) in [
        ("process(row) { return { y: row.x }; }", all.clone()),
        ("async process(row) { return { y: row.x }; }", all.clone()),
        (
            "process(row) { return row.x === 2 ? [{ y: 2 }, { y: 0 }] : null; }",
            format!("{{\"x\":2,\"y\":2}}\n{{\"x\":2,\"y\":0}}\n{last}"),
        ),
        ("process(row) { throw new Drop('none'); }", last.to_owned()),
        ("processBatch(batch) { return [...batch].map(({ x }) => ({ y: x })); }", all.clone()),
        ("processBatch(batch) { return { y: batch.columns.x }; }", all.clone()),
        (
            "processBatch() { const rows = new Rows(); rows.pushFrom(2, { y: 1 }); return rows; }",
            format!("{{\"x\":6,\"y\":1}}\n{last}"),
        ),
        ("processBatch() {}", last.to_owned()),
    ] {
        assert_eq!(output(&aggregate(&format!("{process}, {finish}")), THREE), expected, "{process}");
    }
    for (process, message) in [
        ("process: (row) => row.x", "a row must be an object, not 1"),
        ("process: () => new Rows()", "the function of a row returned `Rows`"),
        (
            "process: () => ({ z: 1 })",
            "the function returned `z`, which is not an output of the step; its outputs are `y`",
        ),
    ] {
        let failures = rejected(&aggregate(&format!("{process}, finish() {{}}")), "{\"x\":1}\n");
        assert_eq!(failures.len(), 1, "{process}: {failures:?}");
        assert_eq!(failures[0]["message"], message, "{process}");
    }
}

#[test]
fn a_getter_of_a_returned_row_is_called_once() {
    let code = "import { transform, integer } from 'stillbox';\nlet calls = 0;\n\
                export default transform({ output: { y: integer() } }, () => ({ get y() { calls += 1; return calls; } }));\n";
    assert_eq!(output(code, "{\"x\":1}\n{\"x\":2}\n"), "{\"x\":1,\"y\":1}\n{\"x\":2,\"y\":2}\n");
}

#[test]
fn a_row_of_a_batch_has_a_column_named_proto() {
    let code = "import { transformBatch, text } from 'stillbox';\n\
                export default transformBatch({ input: { ['__proto__']: text() }, output: { y: text() } },\n\
                (batch) => [...batch].map((row) => ({ y: Object.keys(row)[0] + row['__proto__'] })));\n";
    assert_eq!(output(code, "{\"__proto__\":\"a\"}\n"), "{\"__proto__\":\"a\",\"y\":\"__proto__a\"}\n");
}
