//! `new`, `test`, `build` and `run` with folders of steps in JavaScript, and errors at build time.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{CWD, FileType, mknodat};

use super::write_step;
use crate::harness::{Folder, PipelineFile, component_step, javascript, outcome};

const KINDS: [&str; 5] = ["transform", "filter", "expand", "source", "aggregate"];

#[test]
fn every_kind_of_new_javascript_step_passes_its_case_builds_and_runs() {
    let folder = Folder::new();
    let steps: Vec<String> = KINDS.iter().map(|kind| format!("steps/my-{kind}")).collect();
    for (step, kind) in steps.iter().zip(KINDS) {
        outcome(javascript::command(&folder).args(["new", step, "--lang", "javascript", "--kind", kind])).succeeded();
    }
    let tested = outcome(javascript::command(&folder).arg("test").args(&steps)).succeeded();
    assert!(tested.stderr.contains("Summary 5 passed"), "{}", tested.stderr);
    for step in &steps {
        outcome(javascript::command(&folder).args(["run", &format!("{step}/pipeline.toml")])).succeeded();
        assert_eq!(
            folder.text(&format!("{step}/output.jsonl")),
            folder.text(&format!("{step}/cases/first/expected.jsonl"))
        );
    }
    assert!(folder.text("steps/my-filter/stillbox.d.ts").contains("declare module \"stillbox\""));
    let described =
        outcome(folder.command().args(["inspect", "steps/my-filter/build/development/my-filter.wasm"])).succeeded();
    assert!(described.text().contains("\nlanguage  javascript, with the SDK 0.1.0\n"), "{}", described.text());
}

#[test]
fn a_change_of_the_source_compiles_nothing_and_is_another_component() {
    let folder = Folder::new();
    let code = |text: &str| {
        format!(
            "import {{ transform, text }} from 'stillbox';\nexport default transform({{ output: {{ t: text() }} }}, () => ({{ t: '{text}' }}));\n"
        )
    };
    let digest = |text: &str| {
        super::run_in(&folder, &code(text), "{\"x\":1}\n", "").succeeded();
        assert_eq!(folder.text("output.jsonl"), format!("{{\"x\":1,\"t\":\"{text}\"}}\n"));
        let inspected =
            outcome(folder.command().args(["inspect", "step/build/development/my-step.wasm", "--json"])).succeeded();
        inspected.json()["digest"].as_str().unwrap().to_owned()
    };
    let first = digest("first");
    assert_ne!(digest("second"), first, "the digest depends on the source");
    assert_eq!(digest("first"), first, "the same source gives the same bytes");
    let ran = super::run_in(&folder, &code("third"), "{\"x\":1}\n", "").succeeded();
    assert!(ran.compiled.is_empty(), "{:?}", ran.compiled);
}

/// A step without columns.
const STEP: &str = "import { transform } from 'stillbox';\nexport default transform({}, () => true);\n";

/// A step that imports a module when its function is called.
const LATER: &str = "import { transform } from 'stillbox';\n\
                     export default transform({}, async () => { await import('./late.js'); });\n";

#[test]
fn mistakes_are_reported_at_build_time_with_their_place() {
    for (file, code, place, message) in [
        (
            "step.js",
            "export default (row) => {\n  return row +;\n};\n",
            "step.js:2:15",
            "SyntaxError: unexpected token ';'",
        ),
        ("step.js", "import _ from 'lodash';\nexport default 1;\n", "step.js:1:15", "cannot import `lodash`"),
        (
            "step.js",
            "import { a } from './missing.js';\nexport default a;\n",
            "step.js:1:19",
            "cannot import `./missing.js`: the step's folder has no such file",
        ),
        (
            "step.js",
            "import words from './words.json';\nexport default words;\n",
            "words.json:1:9",
            "key must be a string",
        ),
        (
            "step.js",
            "const a = 1;\nconst b = 'open;\nexport default a;\n",
            "step.js:2:11",
            "SyntaxError: Unterminated string",
        ),
        ("step.js", "export default (\n  1,\n", "step.js:3:1", "SyntaxError: "),
        ("step.js", "export const a = 1;\n", "step.js", "the default export must be a step"),
        ("step.ts", "enum A { B }\nexport default A;\n", "step.ts:1:1", "an `enum` is not a type that can be removed"),
        ("step.ts", "\nexport default (a: number => a);\n", "step.ts:2:", "SyntaxError"),
        (
            "step.ts",
            "import './lib/deep.ts';\nexport default 1;\n",
            "lib/deep.ts:1:116",
            "more than 100 brackets within each other",
        ),
        (
            "step.js",
            "import './lib/bad.js';\nexport default 1;\n",
            "lib/bad.js:2:1",
            "SyntaxError: unexpected token 'let'",
        ),
        ("step.js", "import './bad.js';\nexport default 1;\n", "lib/bad.js:2:1", "SyntaxError: unexpected token 'let'"),
        (
            "step.js",
            "export default 1;\n// export default 2;\nexport default 3;\n",
            "step.js:3:1",
            "a module has one default export, and this is another one",
        ),
        (
            "step.js",
            "import './lib/wrong.js';\nexport default 1;\n",
            "lib/wrong.js:2:1",
            "`./right.js` has no export `nothing`; it exports `something`",
        ),
        (
            "step.js",
            "import { column } from 'stillbox';\nexport default 1;\n",
            "step.js:1:1",
            "`stillbox` has no export `column`",
        ),
        ("step.js", LATER, "late.js:1:35", "cannot import `fs`"),
        (
            "step.js",
            "import { transform } from 'stillbox';\nimport './lib/later.js';\nexport default transform({}, () => true);\n",
            "lib/bad.js:2:1",
            "SyntaxError: unexpected token 'let'",
        ),
    ] {
        let folder = Folder::new();
        write_step(&folder, file, code);
        folder.write("step/words.json", "{\"a\": 1,}");
        folder.write("step/lib/deep.ts", format!("export default {}{};\n", "[".repeat(100_000), "]".repeat(100_000)));
        folder.write("step/lib/bad.js", "\nlet = = 1;\n");
        folder.write("step/lib/wrong.js", "\nimport { nothing } from './right.js';\n");
        folder.write("step/lib/right.js", "export const something = 1;\n");
        folder.write("step/bad.js", "import './lib/bad.js';\n");
        folder.write("step/lib/later.js", "export const later = () => import('./bad.js');\n");
        folder.write("step/late.js", "export const files = () => import('fs');\n");
        let stderr = outcome(javascript::command(&folder).args(["build", "step"])).failed(2);
        assert!(stderr.contains(place) && stderr.contains(message), "{code}\n{stderr}");
        assert!(!stderr.contains("runtime/src") && !stderr.contains("unreachable"), "{stderr}");
    }
}

#[test]
fn files_that_are_hostile_end_a_build_with_their_name() {
    let build = |prepare: &dyn Fn(&Path)| {
        let folder = Folder::new();
        write_step(&folder, "step.js", STEP);
        folder.write("secret.json", "1");
        prepare(&folder.path().join("step"));
        outcome(javascript::command(&folder).args(["build", "step"])).failed(2)
    };
    let pipe = |path: &Path| {
        fs::remove_file(path).unwrap();
        mknodat(CWD, path, FileType::Fifo, 0o600.into(), 0).unwrap();
    };
    let error = build(&|step| pipe(&step.join("package.json")));
    assert!(error.contains("package.json`") && error.contains("it is not a regular file"), "{error}");
    let error = build(&|step| pipe(&step.join("step.js")));
    assert!(error.contains("cannot read `step.js`: it is not a regular file"), "{error}");
    let error = build(&|step| File::create(step.join("package.json")).unwrap().set_len(1 << 40).unwrap());
    assert!(error.contains("it has more than 4 MiB"), "{error}");
    let error = build(&|step| fs::write(step.join("package.json"), b"{\"name\":\"\xff\"}").unwrap());
    assert!(error.contains("UTF-8"), "{error}");
    let error = build(&|step| {
        fs::write(step.join("step.js"), format!("import key from './key.json';\n{STEP}")).unwrap();
        symlink("../secret.json", step.join("key.json")).unwrap();
    });
    assert!(error.contains("`key.json` leads out of the step's folder"), "{error}");
}

#[test]
fn a_component_is_replaced_only_by_one_that_loads() {
    let folder = Folder::new();
    let build = || outcome(javascript::command(&folder).args(["build", "step"]));
    write_step(&folder, "step.js", STEP);
    build().succeeded();
    let files = || fs::read_dir(folder.join("step/build")).unwrap().count();
    let good = fs::read(folder.join("step/build/my-step.wasm")).unwrap();
    write_step(&folder, "step.js", "export default 1;\n");
    let error = build().failed(2);
    assert!(error.contains("step/build/my-step.wasm: its code cannot be loaded"), "{error}");
    assert!(fs::read(folder.join("step/build/my-step.wasm")).unwrap() == good);
    assert_eq!(files(), 1, "nothing else is left");
    // Tests and runs have a component of their own.
    folder.write("step/cases/first/input.jsonl", "{\"x\":1}\n");
    outcome(javascript::command(&folder).args(["test", "step"])).failed(2);
    folder.write_pipeline(PipelineFile::new().add(component_step("my-step", "step")));
    outcome(javascript::command(&folder).args(["run", "pipeline.toml"])).failed(2);
    assert!(fs::read(folder.join("step/build/my-step.wasm")).unwrap() == good);
}

#[test]
fn a_definition_with_a_mistake_is_reported_at_its_line() {
    let error_for = |code: &str| {
        let folder = Folder::new();
        super::run_in(&folder, code, "{\"x\":1}\n", "").failed(2)
    };
    for (code, place, message) in [
        ("\nexport default 7;\n", "step.js:2", "the default export must be a step"),
        (
            "import { transform, text } from 'stillbox';\n\nexport default transform({ inputs: { a: text() } }, () => true);\n",
            "step.js:3",
            "transform: unknown key `inputs`; expected one of summary, parameters, input, output",
        ),
        (
            "import { transform, text } from 'stillbox';\nexport default transform({ input: { a: text({ nulable: true }) } }, () => true);\n",
            "step.js:2",
            "text: unknown option `nulable`",
        ),
        (
            "import { transform, text } from 'stillbox';\nexport default transform({ input: { a: text({ from: 'b' }) } }, () => true);\n",
            "step.js:2",
            "gets its name from the parameter `b`, which is not a text parameter",
        ),
        ("throw new Error('at the top');\nexport default 1;\n", "step.js:1", "Error: at the top"),
        (
            "import { none } from 'stillbox';\nexport default none;\n",
            "step.js:1:1",
            "SyntaxError: `stillbox` has no export `none`; it exports `Batch`",
        ),
        (
            "import { transform, json } from 'stillbox';\nexport default transform({ parameters: { a: json({ default: new Map() }) } }, () => true);\n",
            "step.js:2:1",
            "an object of a built-in class is not a JSON value",
        ),
    ] {
        let stderr = error_for(code);
        assert!(stderr.contains(place) && stderr.contains(message), "{code}\n{stderr}");
    }
}

#[test]
fn an_exception_while_loading_has_its_causes_calls_and_hint() {
    for (code, parts) in [
        (
            "const f = () => process.env.X;\nconst x = f();\nexport default x;\n",
            &[
                "step.js:1:",
                "ReferenceError: process is not defined, in `const f = () => process.env.X;`",
                "called from step.js:2: const x = f();",
                "hint: `process` belongs to Node",
            ][..],
        ),
        ("require('fs');\nexport default 1;\n", &["require is not defined", "hint: a step consists of ES modules"][..]),
        (
            "throw new Error('outer', { cause: new TypeError('inner') });\nexport default 1;\n",
            &["Error: outer", "caused by: TypeError: inner"][..],
        ),
    ] {
        let folder = Folder::new();
        write_step(&folder, "step.js", code);
        let stderr = outcome(javascript::command(&folder).args(["build", "step"])).failed(2);
        for part in parts {
            assert!(stderr.contains(part), "{part}\n{stderr}");
        }
    }
}

#[test]
fn modules_of_the_folder_and_json_are_part_of_the_step() {
    let folder = Folder::new();
    let code = "import { transform, text } from 'stillbox';\nimport { shout, later } from './lib/shout.js';\nimport words from './words.json' with { type: 'json' };\n\
                const { quiet } = await import('./lib/quiet.mjs');\n\
                export default transform({ output: { t: text() } }, async () => ({ t: quiet(shout(words.hello)) + (await later()) }));\n";
    folder.write("step/lib/shout.js", "export { later } from '../later.js';\nexport const shout = (t) => `${t}!`;\n");
    folder.write("step/later.js", "export const later = async () => '?';\n");
    folder.write("step/lib/quiet.mjs", "export const quiet = (t) => t.toLowerCase();\n");
    folder.write("step/words.json", "{\"hello\": \"HELLO\"}");
    super::run_in(&folder, code, "{\"x\":1}\n", "").succeeded();
    assert_eq!(folder.text("output.jsonl"), "{\"x\":1,\"t\":\"hello!?\"}\n");
}

#[test]
fn a_runtime_that_cannot_be_read_is_named() {
    let folder = Folder::new();
    write_step(&folder, "step.js", "export default 1;\n");
    let stderr =
        outcome(folder.command().args(["build", "step"]).env("STILLBOX_JAVASCRIPT_RUNTIME", "none.wasm")).failed(2);
    assert!(stderr.contains("cannot read the JavaScript runtime `none.wasm`"), "{stderr}");
}
