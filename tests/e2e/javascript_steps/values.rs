//! Values: nothing changes silently between the contract and JavaScript.

use super::{output, rejected, write_step};
use crate::harness::{Folder, PipelineFile, component_step, javascript, outcome};

/// A step that returns one column of this type for each row.
fn step(inputs: &str, column: &str, body: &str) -> String {
    format!(
        "import * as s from 'stillbox';\n\
         export default s.transform({{ input: {{ {inputs} }}, output: {{ y: s.{column} }} }}, (row) => {{ {body} }});\n"
    )
}

#[test]
fn values_of_every_type_survive() {
    let input = "{\"b\":true,\"i\":-9007199254740991,\"g\":9223372036854775807,\"f\":-0.5,\"t\":\"é😀\\u0000\",\"j\":{\"big\":\
                 12345678901234567890,\"z\":-0.0,\"__proto__\":[null,1.5]}}\n";
    let code = "import * as s from 'stillbox';\n\
                const columns = { b: s.boolean(), i: s.integer(), g: s.bigint(), f: s.float(), t: s.text(), j: s.json()};\n\
                export default s.transform({ input: columns, output: { ...columns, v: s.vector() } }, (row) => ({ ...row, v: [0.5, 2] }));\n";
    assert_eq!(
        output(code, input),
        "{\"b\":true,\"i\":-9007199254740991,\"g\":9223372036854775807,\"f\":-0.5,\"t\":\"é😀\\u0000\",\"j\":{\"big\":\
         12345678901234567890,\"z\":-0.0,\"__proto__\":[null,1.5]},\"v\":[0.5,2.0]}\n"
    );
}

#[test]
fn nulls_and_missing_columns_are_null() {
    let code = "import * as s from 'stillbox';\n\
                export default s.transform({ input: { a: s.text({ nullable: true }), b: s.integer({ optional: true }) }, \
                output: { c: s.text({ nullable: true }), d: s.json({ nullable: true }) } }, (row) => ({ c: row.a, d: [row.b] }));\n";
    assert_eq!(
        output(code, "{\"a\":null}\n{\"a\":\"x\"}\n"),
        "{\"a\":null,\"c\":null,\"d\":[null]}\n{\"a\":\"x\",\"c\":\"x\",\"d\":[null]}\n"
    );
}

#[test]
fn an_integer_that_a_number_cannot_hold_is_an_error() {
    let failures =
        rejected(&step("x: s.integer()", "integer()", "return { y: row.x };"), "{\"x\":9007199254740993}\n{\"x\":1}\n");
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0]["message"], "`x` is 9007199254740993, which a number of JavaScript cannot hold exactly");
    assert_eq!(failures[0]["hint"], "declare the column as bigint()");
}

#[test]
fn a_value_that_does_not_fit_its_column_is_an_error() {
    for (column, value, message) in [
        ("integer()", "0.5", "`y` must be a whole number, not 0.5"),
        ("integer()", "NaN", "`y` must be a whole number, not NaN"),
        ("integer()", "'1'", "`y` must be a whole number, not the text \"1\""),
        (
            "integer()",
            "2 ** 53",
            "`y` is 9007199254740992, which may have lost digits: return a BigInt for numbers above 2^53 - 1",
        ),
        ("integer()", "2n ** 63n", "`y` must be from -9223372036854775808 to 9223372036854775807"),
        ("bigint()", "1", "`y` must be a BigInt, not 1"),
        ("float()", "1n", "`y` must be a number, not 1n"),
        ("boolean()", "1", "`y` must be a boolean, not 1"),
        ("text()", "undefined", "the function returned `y` as undefined"),
        ("text()", "row.none", "the function returned `y` as undefined"),
        ("text()", "null", "`y` must be a text, not null"),
        ("text()", "'\\ud800'", "`y` contains a lone surrogate, which cannot be encoded as UTF-8"),
        ("text({ choices: ['a', 'b'] })", "'c'", "`y` must be one of a, b, not the text \"c\""),
        ("text()", "new Proxy({}, {})", "`y` must be a text, not [Proxy]"),
        ("binary()", "[1]", "`y` must be a Uint8Array, not a list"),
        ("json()", "[NaN]", "TypeError: NaN is not a JSON value"),
        ("json()", "{ a: [undefined] }", "TypeError: undefined is not a JSON value"),
        ("json()", "new Map()", "TypeError: an object of a built-in class is not a JSON value"),
        ("json()", "{ a: new Date(NaN) }", "TypeError: an invalid date is not a JSON value"),
        (
            "json()",
            "(() => { const a = []; a.push(a); return a; })()",
            "TypeError: a JSON value has more than 500 values within each other, or contains itself",
        ),
        ("json()", "{ get a() { throw new Error('mine'); } }", "Error: mine"),
        ("vector()", "[]", "`y` is an empty vector, but must have at least one element"),
        ("vector({ width: 2 })", "[1]", "`y` must have 2 elements, not 1"),
        ("vector()", "[1e300]", "`y` has an element that is too large for 32 bits"),
    ] {
        let code = step("x: s.integer()", column, &format!("return {{ y: row.x === 1 ? {value} : null }};"))
            .replace("null }", "undefined }");
        let failures =
            rejected(&code.replace("(row) => {", "(row) => { if (row.x !== 1) return null;"), "{\"x\":1}\n{\"x\":2}\n");
        assert_eq!(failures.len(), 1, "{column} {value}: {failures:?}");
        assert_eq!(failures[0]["message"], message, "{column} {value}");
        assert_eq!(failures[0]["row"]["line"], 1, "{failures:?}");
    }
}

#[test]
fn whole_numbers_in_json_keep_the_digits_that_they_have() {
    let value = "[2 ** 53 - 1, -(2 ** 53), 2 ** 60, 1e21, 2n ** 60n, new Date(0)]";
    assert_eq!(
        output(&step("x: s.integer()", "json()", &format!("return {{ y: {value} }};")), "{\"x\":1}\n"),
        "{\"x\":1,\"y\":[9007199254740991,-9.007199254740992e15,1.152921504606847e18,1e21,1152921504606846976,\
         \"1970-01-01T00:00:00.000Z\"]}\n"
    );
}

#[test]
fn bytes_of_every_view_are_decoded() {
    for (value, expected) in [
        ("new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))", "a"),
        ("new TextDecoder('UTF-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))", "\u{feff}a"),
        ("new TextDecoder().decode(new Uint16Array([0x6261]))", "ab"),
        ("new TextDecoder().decode(new DataView(new Uint8Array([0x61, 0x62, 0x63]).buffer, 1, 1))", "b"),
        ("new TextDecoder().decode(new Uint8Array([0x61]).buffer)", "a"),
        ("new TextDecoder().decode(new Uint8Array([0x61, 0xff]))", "a\u{fffd}"),
        ("new TextDecoder().decode()", ""),
    ] {
        let code = step("x: s.integer()", "text()", &format!("return {{ y: {value} }};"));
        assert_eq!(output(&code, "{\"x\":1}\n"), format!("{{\"x\":1,\"y\":\"{expected}\"}}\n"), "{value}");
    }
    for (value, message) in [
        ("new TextDecoder().decode([1])", "TypeError: `decode` needs an ArrayBuffer, or a view such as a Uint8Array"),
        (
            "new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff]))",
            "TypeError: the bytes are not UTF-8",
        ),
        ("new TextDecoder('latin1')", "RangeError: TextDecoder knows utf-8 only, not latin1"),
    ] {
        let failures = rejected(&step("x: s.integer()", "text()", &format!("return {{ y: {value} }};")), "{\"x\":1}\n");
        assert_eq!(failures[0]["message"], message, "{value}");
    }
}

#[test]
fn a_vector_of_another_width_rejects_its_row() {
    let folder = Folder::new();
    let make = "import * as s from 'stillbox';\n\
                export default s.transform({ output: { v: s.vector() } }, () => ({ v: [1, 2] }));\n";
    folder.write("make/package.json", "{\"name\":\"make\"}");
    folder.write("make/step.js", make);
    write_step(&folder, "step.js", &step("v: s.vector({ width: 3 })", "integer()", "return { y: row.v.length };"));
    folder.write("input.jsonl", "{\"x\":1}\n");
    let pipeline = PipelineFile::new()
        .add(component_step("make", "make"))
        .add(component_step("mine", "step").on_failure("reject"))
        .rejects();
    folder.write_pipeline(pipeline);
    let mut command = javascript::command(&folder);
    outcome(command.args(["run", "pipeline.toml", "--failures", "failures.jsonl"])).succeeded();
    let failures = folder.json_lines("failures.jsonl");
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert_eq!(failures[0]["message"], "`v` must have 3 elements, not 2");
}

#[test]
fn a_result_of_the_wrong_form_is_an_error() {
    for (body, message) in [
        ("", "the function returned undefined, but the step has outputs"),
        ("return 'a';", "a row must be an object, not the text \"a\""),
        ("return true;", "a row must be an object, not true"),
        ("return [[1]];", "a row must be an object, not a list"),
        (
            "return { y: 'a', z: 1 };",
            "the function returned `z`, which is not an output of the step; its outputs are `y`",
        ),
        ("return {};", "the function returned no `y`, which is an output of the step; its outputs are `y`"),
        ("return { get y() { throw new Error('mine'); } };", "Error: mine"),
        ("return new Promise(() => {});", "Error: the promise is never settled"),
        ("return Promise.reject(new TypeError('later'));", "TypeError: later"),
        ("Promise.reject(new TypeError('lost')); return { y: '' };", "TypeError: lost"),
    ] {
        let failures = rejected(&step("x: s.integer()", "text()", body), "{\"x\":1}\n");
        assert_eq!(failures.len(), 1, "{body}");
        assert_eq!(failures[0]["message"], message, "{body}");
    }
}
