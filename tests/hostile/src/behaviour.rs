//! Steps that load, and then break the contract or their limits.

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::step_with;

const BODY: &str = ";; BODY";
const MORE: &str = ";; MORE";
const MANIFEST: &str = r#"(func (export "manifest") (result i32) i32.const 0)"#;
const BIND: &str = r#"(func (export "bind") (param i32 i32) (result i32) i32.const 2048)"#;
const REALLOC: &str = r#"(func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)"#;
const LIFT_PROCESS: &str = "(canon lift (core func $process) (memory $mem) (realloc $realloc))";
const EXPORT_PROCESS: &str = r#"(alias core export $step "process" (core func $process))"#;

/// The address of the result of `process`, and its size with the output.
const RESULT: u32 = 2048;
const RESULT_BYTES: u32 = 48;
/// The pages of memory of a step.
const PAGE: u32 = 65_536;

/// Numbers that break the most checks: the ends of ranges, and the end of the memory.
fn extreme(random: &mut StdRng) -> u32 {
    const NUMBERS: [u32; 12] =
        [0, 1, 3, 255, 4096, PAGE - 1, PAGE, PAGE + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff];
    if random.random_bool(0.8) { NUMBERS[random.random_range(0..NUMBERS.len())] } else { random.random() }
}

fn store(address: u32, value: u32) -> String {
    format!("(i32.store (i32.const {address}) (i32.const {}))\n", value.cast_signed())
}

fn choose<'a>(random: &mut StdRng, choices: &[&'a str]) -> &'a str {
    choices[random.random_range(0..choices.len())]
}

/// The fields of the output are random: lists outside of the memory, other variants, more rows than there are.
pub(super) fn lying_output(random: &mut StdRng) -> Vec<u8> {
    let count = random.random_range(1..8);
    let stores: String =
        (0..count).map(|_| store(RESULT + random.random_range(0..RESULT_BYTES / 4) * 4, extreme(random))).collect();
    step_with(&[(BODY, &stores)])
}

/// The lists of the output are the output itself.
pub(super) fn overlapping_output(random: &mut StdRng) -> Vec<u8> {
    let list = |field: u32, random: &mut StdRng| {
        let address = RESULT + random.random_range(0..RESULT_BYTES / 4) * 4;
        store(RESULT + field, address) + &store(RESULT + field + 4, random.random_range(1..2000))
    };
    let stores = [12, 24, 32].map(|field| list(field, random)).concat();
    let variant = store(RESULT + 20, random.random_range(0..2));
    step_with(&[(BODY, &(stores + &variant))])
}

/// Many columns without a name or values, all in the same place.
pub(super) fn many_columns(random: &mut StdRng) -> Vec<u8> {
    let stores = store(RESULT + 12, 8192) + &store(RESULT + 16, random.random_range(100..50_000_000));
    step_with(&[(BODY, &stores)])
}

/// An error with a message as large as the memory allows, and with as many causes.
pub(super) fn huge_message(random: &mut StdRng) -> Vec<u8> {
    let pages = random.random_range(1..200);
    let byte = choose(random, &["10", "97", "35", "58", "255", "27"]);
    let bytes = pages * PAGE;
    // kind at 8, message at 12, causes at 20
    let stores = [
        format!("(drop (memory.grow (i32.const {pages})))"),
        format!("(memory.fill (i32.const {PAGE}) (i32.const {byte}) (i32.const {bytes}))"),
        store(RESULT, 1) + &store(RESULT + 8, 1) + &store(RESULT + 12, PAGE) + &store(RESULT + 16, bytes),
        store(RESULT + 20, PAGE) + &store(RESULT + 24, extreme(random)),
        format!("(return (i32.const {RESULT}))"),
    ];
    step_with(&[(BODY, &stores.concat())])
}

/// The fields of the manifest are random.
pub(super) fn lying_manifest(random: &mut StdRng) -> Vec<u8> {
    let stores: String =
        (0..random.random_range(1..5)).map(|_| store(random.random_range(0..9) * 4, extreme(random))).collect();
    let manifest = format!("(func (export \"manifest\") (result i32) {stores} i32.const 0)");
    step_with(&[(MANIFEST, &manifest)])
}

/// The name, the version and the summary give commands, move the cursor, and are as long as the memory.
pub(super) fn absurd_names(random: &mut StdRng) -> Vec<u8> {
    let name = choose(
        random,
        &[
            "\\n::error::gone\\n##[group]",
            "\\1b[2J\\1b[31m\\c2\\9b1A",
            "\\e2\\80\\ae##vso[task.complete]",
            "  at: input.jsonl:1\\n::add-mask::a",
            "\\00\\07\\0d##teamcity[a]",
            "section_start:1:a\\0d\\1b[0K",
        ],
    );
    let length = random.random_range(8..60_000);
    let data = format!("(data (i32.const 5000) \"{}\")\n{MODULE_START}", name.repeat(40));
    let field = |at: u32| store(at, 5000) + &store(at + 4, length);
    let manifest = format!("(func (export \"manifest\") (result i32) {} {} i32.const 0)", field(0), field(16));
    step_with(&[(MANIFEST, &manifest), (MODULE_START, &data)])
}

/// The first data of the module, in front of which more can be placed.
const MODULE_START: &str = "(data (i32.const 64) \"text0.1.0{}\")";

/// The columns that `bind` returns are random.
pub(super) fn lying_signature(random: &mut StdRng) -> Vec<u8> {
    let stores: String = (0..4).map(|_| store(RESULT + random.random_range(0..8) * 4, extreme(random))).collect();
    let bind = format!("(func (export \"bind\") (param i32 i32) (result i32) {stores} i32.const {RESULT})");
    step_with(&[(BIND, &bind)])
}

/// The allocator returns addresses that are outside, not aligned or in use, or never returns.
pub(super) fn lying_realloc(random: &mut StdRng) -> Vec<u8> {
    let body = choose(
        random,
        &[
            "i32.const 0",
            "i32.const -1",
            "i32.const 4097",
            "i32.const 65536",
            "i32.const 2048",
            "unreachable",
            "(loop (br 0)) unreachable",
            "(drop (memory.grow (i32.const 100))) i32.const 4096",
            "(i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 1))",
        ],
    );
    let realloc = format!("(func (export \"realloc\") (param i32 i32 i32 i32) (result i32) {body})");
    step_with(&[(REALLOC, &realloc)])
}

/// The function that frees an output traps, never returns, or changes the output.
pub(super) fn post_return(random: &mut StdRng) -> Vec<u8> {
    let body = choose(
        random,
        &[
            "unreachable",
            "(loop (br 0))",
            "(drop (memory.grow (i32.const 1000)))",
            "(i32.store (i32.const 2060) (i32.const -1))",
        ],
    );
    let free = format!("(func (export \"free\") (param i32) {body})");
    let lift = LIFT_PROCESS.replace("(realloc $realloc)", "(realloc $realloc) (post-return $free)");
    let alias = format!("{EXPORT_PROCESS} (alias core export $step \"free\" (core func $free))");
    step_with(&[(MORE, &free), (LIFT_PROCESS, &lift), (EXPORT_PROCESS, &alias)])
}

/// A function that runs before `manifest`.
pub(super) fn start_function(random: &mut StdRng) -> Vec<u8> {
    let body = choose(
        random,
        &[
            "(loop (br 0))",
            "unreachable",
            "(call $wait)",
            "(drop (memory.grow (i32.const 60000))) (loop (br 0))",
            "(call $start)",
        ],
    );
    let start = format!("(func $start {body}) (start $start)");
    step_with(&[(MORE, &start)])
}

/// Functions that call each other, with many parameters.
pub(super) fn recursion(random: &mut StdRng) -> Vec<u8> {
    let parameters = random.random_range(1..200);
    let types = "i64 ".repeat(parameters);
    let gets: String = (0..parameters).map(|number| format!("(local.get {number})")).collect();
    let function = |name: &str, other: &str| format!("(func ${name} (param {types}) (call ${other} {gets}))");
    let functions = function("one", "other") + &function("other", "one");
    let call = format!("(call $one {})", "(i64.const 1)".repeat(parameters));
    step_with(&[(BODY, &call), (MORE, &functions)])
}

pub(super) fn traps(random: &mut StdRng) -> Vec<u8> {
    let body = choose(
        random,
        &[
            "unreachable",
            "(drop (i32.div_u (local.get 0) (i32.const 0)))",
            "(drop (i32.trunc_f32_s (f32.const inf)))",
            "(drop (i64.load (i32.const -1)))",
            "(call_indirect (i32.const 0))",
            "(call_indirect (i32.const 9999))",
            "(memory.copy (i32.const 0) (i32.const 1) (i32.const -1))",
            "(table.fill $table (i32.const 0) (ref.null func) (i32.const -1))",
            "(loop (br 0))",
            "(loop (call $say) (br 0))",
        ],
    );
    step_with(&[(BODY, body)])
}

/// Memory and tables that grow until they are refused, and after that.
pub(super) fn growth(random: &mut StdRng) -> Vec<u8> {
    let pages = extreme(random).cast_signed();
    let body = choose(
        random,
        &[
            "(loop (drop (memory.grow (i32.const 1))) (br 0))",
            "(loop (drop (table.grow $table (ref.null func) (i32.const 100000))) (br 0))",
            "(drop (memory.grow (i32.const 900))) (memory.fill (i32.const 70000) (i32.const 1) (i32.const 50000000))",
            "(drop (memory.grow (i32.const PAGES)))",
            "(drop (table.grow $table (ref.null func) (i32.const PAGES)))",
        ],
    );
    step_with(&[(BODY, &body.replace("PAGES", &pages.to_string()))])
}

/// Calls of the host with texts that are outside of the memory, and without end.
pub(super) fn host_calls(random: &mut StdRng) -> Vec<u8> {
    let (address, length) = (extreme(random).cast_signed(), extreme(random).cast_signed());
    let body = choose(
        random,
        &[
            "(call $write (call $get-stderr) (i32.const ADDRESS) (i32.const LENGTH) (i32.const 3072))",
            "(loop (drop (call $get-stderr)) (br 0))",
            "(loop (drop (call $get-stdin)) (br 0))",
            "(call $read (i32.const ADDRESS) (i64.const LENGTH) (i32.const 3072))",
            "(call $read (call $get-stdin) (i64.const LENGTH) (i32.const ADDRESS))",
            "(call $poll (i32.const ADDRESS) (i32.const LENGTH) (i32.const 3072))",
            "(loop (drop (call $subscribe (i64.const LENGTH))) (br 0))",
            "(call $wait)",
        ],
    );
    let body = body.replace("ADDRESS", &address.to_string()).replace("LENGTH", &length.to_string());
    step_with(&[(BODY, &body)])
}

/// Names of functions, in the backtrace of a trap, that are long or absurd.
pub(super) fn long_function_names(random: &mut StdRng) -> Vec<u8> {
    let name = choose(random, &["_RINvC1a1bTmmE", "\\n::error::a ", "\\1b[2J", "\\e2\\80\\ae", "##[group]"]);
    let name = name.repeat(random.random_range(1..5000));
    let function = format!("(func $\"{name}\" unreachable)");
    let call = format!("(call $\"{name}\")");
    step_with(&[(BODY, &call), (MORE, &function)])
}
