//! Exceptions, limits and the log: the record of a failure has the author's place.

use super::{rejected, run_in, write_step};
use crate::harness::{Folder, PipelineFile, component_step, javascript, outcome};

/// A step whose function runs this code.
fn step(body: &str) -> String {
    format!(
        "import * as s from 'stillbox';\n\nexport default s.transform({{ input: {{ x: s.integer() }} }}, (row) => {{\n  {body}\n}});\n"
    )
}

#[test]
fn an_exception_has_its_message_place_stack_and_causes() {
    let code = "import { transform, integer } from 'stillbox';\n\
                \n\
                const parse = (x) => {\n  \
                  throw new RangeError('no ' + x, { cause: new TypeError('inner') });\n\
                };\n\
                export default transform({ input: { x: integer() } }, (row) => {\n  parse(row.x);\n});\n";
    let failures = rejected(code, "{\"x\":1}\n");
    let failure = &failures[0];
    assert_eq!(failure["message"], "RangeError: no 1");
    assert_eq!(failure["causes"][0], "TypeError: inner");
    assert_eq!(failure["location"]["file"], "step.js");
    assert_eq!(failure["location"]["line"], 4);
    let trace = failure["trace"].to_string();
    assert!(trace.contains("step.js:7") && trace.contains("parse(row.x);"), "{trace}");
    assert!(trace.contains("step.js:4 in parse: throw new RangeError"), "{trace}");
    assert!(!trace.contains("<stillbox>"), "{trace}");
}

#[test]
fn an_exception_in_typescript_is_at_the_line_of_the_author() {
    let folder = Folder::new();
    write_step(
        &folder,
        "step.ts",
        "import { transform, integer } from 'stillbox';\nimport type { Row } from './types';\nimport { check } from './lib/check.ts';\n\
         export default transform({ input: { x: integer() } }, (row: Row) => check(row));\n",
    );
    folder.write("step/types.ts", "export interface Row {\n  x: number;\n}\n");
    folder.write(
        "step/lib/check.ts",
        "import type { Row } from '../types';\n\ninterface Checked extends Row {\n  ok?: boolean;\n}\n\nexport function check<T extends Row>(row: T): \
         boolean {\n  const checked = row as unknown as Checked;\n  if (!checked.ok) throw new Error(`not ok: ${(checked as Row).x}`);\n  return \
         true;\n}\n",
    );
    folder.write("input.jsonl", "{\"x\":7}\n");
    folder.write_pipeline(PipelineFile::new().add(component_step("mine", "step")));
    let stderr = outcome(javascript::command(&folder).args(["run", "pipeline.toml"])).failed(1);
    assert!(stderr.contains("Error: not ok: 7"), "{stderr}");
    assert!(stderr.contains("lib/check.ts:9"), "{stderr}");
    assert!(stderr.contains("if (!checked.ok) throw new Error"), "{stderr}");
}

#[test]
fn a_text_that_is_too_long_is_an_exception_at_its_line() {
    for call in ["'x'.repeat(2 ** 30)", "'xy'.repeat(2 ** 29)", "'x'.padEnd(2 ** 31)", "'x'.padStart(2 ** 31)"] {
        let failures = rejected(&step(&format!("const a = {call};")), "{\"x\":1}\n");
        let failure = &failures[0];
        assert_eq!(failure["message"], "RangeError: the text would have more than 134217728 characters", "{call}");
        assert_eq!(
            (&failure["location"]["file"], &failure["location"]["line"]),
            (&"step.js".into(), &4.into()),
            "{call}"
        );
    }
    let code = step(
        "if ('ab'.repeat(2) + 'a'.padStart(3, 'xy') + ''.repeat(9) + 'a'.padEnd(2) !== 'ababxyaa ') throw new Error('other');",
    );
    assert_eq!(rejected(&code, "{\"x\":1}\n"), Vec::<serde_json::Value>::new());
}

#[test]
fn errors_of_the_sdk_have_a_kind_a_hint_and_no_class() {
    let failures = rejected(&step("throw new s.InputError('bad x', { hint: 'use another' });"), "{\"x\":1}\n");
    assert_eq!(failures[0]["message"], "bad x");
    assert_eq!(failures[0]["hint"], "use another");
    let failures = rejected(&step("typeof fetch;\n\nfetch('https://example.org');"), "{\"x\":1}\n");
    assert_eq!(failures[0]["message"], "ReferenceError: fetch is not defined");
    assert_eq!((&failures[0]["location"]["line"], &failures[0]["location"]["column"]), (&6.into(), &1.into()));
    assert!(failures[0]["hint"].as_str().unwrap().contains("sends no requests"), "{failures:?}");
}

#[test]
fn anything_can_be_thrown() {
    for (thrown, message) in [
        ("'text'", "thrown: text"),
        ("null", "thrown: null"),
        ("{ a: 1 }", "thrown: an object"),
        ("new Proxy({}, { get() { for (;;); } })", "thrown: a proxy"),
        ("Object.defineProperty(new Error('x'), 'message', { get() { for (;;); } })", "Error"),
        ("new (class Mine extends Error { name = 'Mine' })('own')", "Mine: own"),
    ] {
        let failures = rejected(&step(&format!("throw {thrown};")), "{\"x\":1}\n");
        assert_eq!(failures[0]["message"], message, "{thrown}");
    }
}

#[test]
fn endless_recursion_rejects_its_row_alone() {
    let code = step("const f = () => f() + 1; if (row.x === 1) f();");
    let failures = rejected(&code, "{\"x\":1}\n{\"x\":2}\n");
    assert_eq!(failures.len(), 1);
    assert!(failures[0]["message"].as_str().unwrap().starts_with("RangeError: more than 1000 calls"), "{failures:?}");
}

#[test]
fn endless_loops_and_memory_end_at_their_limits() {
    let folder = Folder::new();
    let looping = step("for (;;);");
    let stderr = run_in(&folder, &looping, "{\"x\":1}\n", "limits = { time = \"300ms\" }").failed(1);
    assert!(stderr.contains("300ms") || stderr.contains("300 ms"), "{stderr}");
    let memory = step("const all = []; for (;;) all.push(new Array(100000).fill('a' + all.length));");
    let stderr = run_in(&folder, &memory, "{\"x\":1}\n", "limits = { memory = \"64MiB\" }").failed(1);
    assert!(stderr.contains("needed more than 64MiB"), "{stderr}");
}

#[test]
fn the_console_is_the_log_with_levels() {
    let body = "console.log('a %s', 1, { b: [2] }); console.debug('d'); console.warn('w'); console.error('e'); throw new Error('end');";
    let stderr = run_in(&Folder::new(), &step(body), "{\"x\":1}\n", "").failed(1);
    for line in ["log: info: a 1 { b: [ 2 ] }", "log: debug: d", "log: warn: w", "log: error: e"] {
        assert!(stderr.contains(line), "{line}: {stderr}");
    }
}

#[test]
fn random_numbers_depend_on_the_batch_only() {
    let code = "import { transform, float } from 'stillbox';\nexport default transform({ output: { r: float() } }, () => ({ r: Math.random() }));\n";
    let folder = Folder::new();
    write_step(&folder, "step.js", code);
    folder.write("input.jsonl", "{\"x\":1}\n{\"x\":1}\n");
    folder.write_pipeline(PipelineFile::new().batch_rows(1).add(component_step("mine", "step")));
    let mut outputs = Vec::new();
    for _ in 0..2 {
        outcome(javascript::command(&folder).args(["run", "pipeline.toml", "--restart"])).succeeded();
        outputs.push(folder.text("output.jsonl"));
    }
    assert_eq!(outputs[0], outputs[1]);
    let lines: Vec<_> = outputs[0].lines().collect();
    assert_ne!(lines[0], lines[1]);
}
