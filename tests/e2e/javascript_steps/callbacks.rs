//! Callbacks of promises and timers: they run with the row whose function left them.

use super::{output, output_and_failures};

fn step(body: &str) -> String {
    format!(
        "import {{ transform, integer, text }} from 'stillbox';\n\
         export default transform({{ input: {{ x: integer() }}, output: {{ y: text() }} }}, (row) => {{ {body} }});\n"
    )
}

#[test]
fn an_error_in_a_callback_rejects_the_row_whose_function_left_it() {
    for callback in [
        "Promise.resolve().then(() => { throw new TypeError('lost'); });",
        "Promise.reject(new TypeError('lost'));",
        "queueMicrotask(() => { throw new TypeError('lost'); });",
        "setTimeout(() => { throw new TypeError('lost'); }, 3600000);",
        "setTimeout(() => Promise.reject(new TypeError('lost')));",
        "setTimeout(() => { throw new TypeError('later'); }, 5); throw new TypeError('lost');",
        "setTimeout(() => { queueMicrotask(() => { throw 1; }); throw new TypeError('lost'); }); setTimeout(() => { throw 2; }, 2);",
    ] {
        let code = step(&format!("if (row.x === 1) {{ {callback} }} return {{ y: 'a' }};"));
        let (output, failures) = output_and_failures(&code, "{\"x\":1}\n{\"x\":2}\n");
        assert_eq!(output, "{\"x\":2,\"y\":\"a\"}\n", "{callback}");
        assert_eq!(failures.len(), 1, "{callback}: {failures:?}");
        assert_eq!(failures[0]["message"], "TypeError: lost", "{callback}");
    }
}

#[test]
fn callbacks_run_before_the_next_row_and_repeated_timers_end() {
    let code = "import { transform, integer, text } from 'stillbox';\nlet seen = '';\n\
                export default transform({ input: { x: integer() }, output: { y: text() } }, ({ x }) => {\n\
                queueMicrotask(() => { seen += `m${x}`; }); setTimeout(() => { seen += `t${x}`; }, 10);\n\
                setInterval(() => { seen += `i${x}`; }, 6); return { y: seen }; });\n";
    assert_eq!(output(code, "{\"x\":1}\n{\"x\":2}\n"), "{\"x\":1,\"y\":\"\"}\n{\"x\":2,\"y\":\"m1i1t1\"}\n");
    let code = step(
        "return new Promise((done) => { let n = 0; setInterval(() => { n += 1; if (n > 3) done({ y: `n${n}` }); }, 5); });",
    );
    assert_eq!(output(&code, "{\"x\":1}\n"), "{\"x\":1,\"y\":\"n4\"}\n");
}
