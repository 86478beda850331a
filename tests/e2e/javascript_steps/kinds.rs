//! Kinds of steps, and what their functions return.

use super::{output, run_in, write_step};
use crate::harness::{Folder, PipelineFile, component_step, javascript, outcome};

const WORDS: &str = "{\"id\":1,\"text\":\"a b c\"}\n{\"id\":2,\"text\":\"\"}\n{\"id\":3,\"text\":\"d\"}\n";

#[test]
fn a_function_of_a_row_adds_columns_drops_and_expands_rows() {
    let code = |body: &str| {
        format!(
            "import {{ transform, text, integer, Drop }} from 'stillbox';\n\
             export default transform({{ input: {{ text: text() }}, output: {{ n: integer(), t: text({{ nullable: true }}) }} }},\n\
             (row) => {body});\n"
        )
    };
    assert_eq!(
        output(&code("({ n: row.text.length, t: null })"), WORDS),
        "{\"id\":1,\"text\":\"a b c\",\"n\":5,\"t\":null}\n{\"id\":2,\"text\":\"\",\"n\":0,\"t\":null}\n\
         {\"id\":3,\"text\":\"d\",\"n\":1,\"t\":null}\n"
    );
    assert_eq!(
        output(&code("row.text === '' ? null : { n: 1, t: 'x' }"), WORDS),
        "{\"id\":1,\"text\":\"a b c\",\"n\":1,\"t\":\"x\"}\n{\"id\":3,\"text\":\"d\",\"n\":1,\"t\":\"x\"}\n"
    );
    assert_eq!(
        output(&code("row.text.split(' ').filter(Boolean).map((t, n) => ({ n, t }))"), WORDS),
        "{\"id\":1,\"text\":\"a b c\",\"n\":0,\"t\":\"a\"}\n{\"id\":1,\"text\":\"a b c\",\"n\":1,\"t\":\"b\"}\n\
         {\"id\":1,\"text\":\"a b c\",\"n\":2,\"t\":\"c\"}\n{\"id\":3,\"text\":\"d\",\"n\":0,\"t\":\"d\"}\n"
    );
    let asynchronous = code("new Promise((done) => setTimeout(() => done({ n: 7 }), 3600000))");
    assert_eq!(output(&asynchronous, "{\"text\":\"a\"}\n"), "{\"text\":\"a\",\"n\":7,\"t\":null}\n");
}

#[test]
fn a_function_without_outputs_keeps_and_drops_rows() {
    let code = |body: &str| {
        format!(
            "import {{ transform, text, Drop }} from 'stillbox';\nexport default transform({{ input: {{ text: text() }} }}, (row) => {body});\n"
        )
    };
    for (body, ids) in [
        ("row.text !== ''", vec![1, 3]),
        ("undefined", vec![1, 2, 3]),
        ("{ if (row.text.length > 1) throw new Drop('too long: 5'); }", vec![2, 3]),
    ] {
        let folder = Folder::new();
        run_in(&folder, &code(body), WORDS, "").succeeded();
        let found: Vec<_> = folder.json_lines("output.jsonl").iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert_eq!(found, ids, "{body}");
    }
}

#[test]
fn the_reasons_of_dropped_rows_are_recorded() {
    let folder = Folder::new();
    write_step(
        &folder,
        "step.js",
        "import { transform, text, Drop } from 'stillbox';\n\
         export default transform({ input: { text: text() } }, (row) => { throw new Drop(`too short: ${row.text}`); });\n",
    );
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    let pipeline = PipelineFile::new().add(component_step("mine", "step"));
    folder.write_pipeline(pipeline.toml("[dropped]\npath = \"dropped.jsonl\""));
    outcome(javascript::command(&folder).args(["run", "pipeline.toml"])).succeeded();
    assert!(folder.text("dropped.jsonl").contains("too short: a"), "{}", folder.text("dropped.jsonl"));
}

#[test]
fn a_function_of_a_batch_returns_columns_a_list_or_rows() {
    let code = |body: &str| {
        format!(
            "import {{ transformBatch, integer, float, InputError, Rows }} from 'stillbox';\n\
             export default transformBatch({{ input: {{ x: integer() }}, output: {{ y: float() }} }}, (batch) => {{ {body} }});\n"
        )
    };
    let input = "{\"x\":1}\n{\"x\":2}\n{\"x\":6}\n";
    let expected = "{\"x\":1,\"y\":-2.0}\n{\"x\":2,\"y\":-1.0}\n{\"x\":6,\"y\":3.0}\n";
    let mean = "const mean = batch.columns.x.reduce((a, b) => a + b, 0) / batch.length;";
    for body in [
        "return { y: batch.columns.x.map((x) => x - mean) };",
        "return [...batch].map((row) => ({ y: row.x - mean }));",
        "const rows = new Rows(); for (const row of batch) rows.push({ y: row.x - mean }); return rows;",
    ] {
        assert_eq!(output(&code(&format!("{mean} {body}")), input), expected, "{body}");
    }
    let some = "const rows = new Rows(); rows.drop(0, 'one'); rows.pushFrom(2, { y: 1 }); rows.pushFrom(2, { y: 2 }); \
                rows.reject(1, new InputError('two')); return rows;";
    let folder = Folder::new();
    write_step(&folder, "step.js", &code(some));
    folder.write("input.jsonl", input);
    let step = component_step("mine", "step").on_failure("reject");
    folder.write_pipeline(PipelineFile::new().add(step).rejects());
    outcome(javascript::command(&folder).args(["run", "pipeline.toml"])).succeeded();
    assert_eq!(folder.text("output.jsonl"), "{\"x\":6,\"y\":1.0}\n{\"x\":6,\"y\":2.0}\n");
}

#[test]
fn a_source_is_a_generator_and_an_aggregate_sees_all_rows() {
    let source = "import { source, integer } from 'stillbox';\n\
                  export default source({ parameters: { count: integer() }, output: { n: integer() } }, async function* ({ count }) {\n\
                  for (let n = 0; n < count; n += 2) yield [{ n }, { n: n + 1 }]; });\n";
    let aggregate = "import { aggregate, integer, Rows } from 'stillbox';\n\
                     export default aggregate({ input: { n: integer() }, output: { rank: integer() } }, () => {\n\
                     const seen = [];\nreturn { process(row, index) { seen.push([row.n, index]); }, finish() {\n\
                     const rows = new Rows(); seen.reverse().slice(0, 2).forEach(([n, index], rank) => rows.pushFrom(index, { rank }));\n\
                     return rows; } }; });\n";
    let folder = Folder::new();
    for (name, code) in [("numbers", source), ("last", aggregate)] {
        folder.write(&format!("{name}/package.json"), format!("{{\"name\":\"{name}\"}}"));
        folder.write(&format!("{name}/step.js"), code);
    }
    let pipeline = PipelineFile::new().batch_rows(7).without_source();
    let pipeline = pipeline
        .add(component_step("numbers", "numbers").parameters("count = 2500"))
        .add(component_step("last", "last"));
    folder.write_pipeline(pipeline);
    outcome(javascript::command(&folder).args(["run", "pipeline.toml"])).succeeded();
    assert_eq!(folder.text("output.jsonl"), "{\"n\":2499,\"rank\":0}\n{\"n\":2498,\"rank\":1}\n");
}

#[test]
fn wrong_parameters_are_reported_at_once() {
    let code = "import { transform, integer, text, list, boolean } from 'stillbox';\n\
                export default transform({ parameters: { minLength: integer({ min: 1 }), mode: text({ choices: ['a', 'b'] }), \
                names: list(text(), { default: [] }), on: boolean({ optional: true }) } }, () => true);\n";
    let folder = Folder::new();
    let settings = "parameters = { min-lenght = 3, mode = \"c\", names = [1], on = 1 }";
    let stderr = run_in(&folder, code, "{\"id\":1}\n", settings).failed(2);
    for part in [
        "unknown parameter `min-lenght`, did you mean `min-length`?",
        "`min-length` is missing, and there is no default",
        "`mode` must be one of a, b, not the text \"c\"",
        "`names[0]` must be a text, not 1",
        "`on` must be true or false, not 1",
    ] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
}
