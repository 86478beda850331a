//! Components that are hard to read, to compile or to instantiate, and files that are no components.

use rand::RngExt as _;
use rand::rngs::StdRng;

use super::{STEP, harmless, parse, step_with};

/// The start of the module of the step, in front of which another can be placed.
const MODULE: &str = "(core module $step\n";

/// Returns the step with another module, which is instantiated next to it.
fn step_and_module(fields: &str) -> Vec<u8> {
    let module = format!("(core module $more {fields}) (core instance (instantiate $more))\n{MODULE}");
    step_with(&[(MODULE, &module)])
}

/// Returns the step with other definitions before its own.
fn step_and_types(definitions: &str) -> Vec<u8> {
    step_with(&[(MODULE, &format!("{definitions}\n{MODULE}"))])
}

/// Returns a number of things that is small, just around a limit, or large.
fn count(random: &mut StdRng, limit: usize) -> usize {
    match random.random_range(0..4) {
        0 => random.random_range(1..20),
        1 => limit - 1,
        2 => limit + 1,
        _ => random.random_range(limit..limit * 3),
    }
}

/// Components that each instantiate the one before several times.
pub(super) fn nested_instances(random: &mut StdRng) -> Vec<u8> {
    let (levels, width) = (random.random_range(2..14), random.random_range(1..12));
    let first = "(component $c0 (core module $e) (core instance (instantiate $e)))".to_owned();
    let instances = "(instance (instantiate $x))".repeat(width);
    let level = |level| format!("(component $c{level} (alias outer 1 $c{} (component $x)) {instances})", level - 1);
    let components: String = std::iter::once(first).chain((1..levels).map(level)).collect();
    parse(&format!("(component {components} (instance (instantiate $c{})))", levels - 1))
}

pub(super) fn nested_components(random: &mut StdRng) -> Vec<u8> {
    let depth = count(random, 16);
    parse(&format!("(component {} {})", "(component ".repeat(depth), ")".repeat(depth)))
}

pub(super) fn nested_loops(random: &mut StdRng) -> Vec<u8> {
    nested(count(random, 100), "loop", "end")
}

pub(super) fn nested_blocks(random: &mut StdRng) -> Vec<u8> {
    nested(count(random, 20_000), "block", "end")
}

fn nested(depth: usize, start: &str, end: &str) -> Vec<u8> {
    let body = format!("{} {}", format!("{start} ").repeat(depth), format!("{end} ").repeat(depth));
    step_and_module(&format!("(func {body})"))
}

pub(super) fn segments(random: &mut StdRng) -> Vec<u8> {
    let count = count(random, 20_000);
    if random.random() {
        step_and_module(&format!("(memory 1) {}", "(data (i32.const 0) \"a\")".repeat(count)))
    } else {
        step_and_module(&format!("(table 1 funcref) (func) {}", "(elem (i32.const 0) 0)".repeat(count)))
    }
}

pub(super) fn functions(random: &mut StdRng) -> Vec<u8> {
    let body = ["", "(drop (i32.const 1))", "unreachable"][random.random_range(0..3)];
    let count = random.random_range(1..30_000);
    step_and_module(&format!("(func {body})").repeat(count))
}

pub(super) fn types(random: &mut StdRng) -> Vec<u8> {
    let types: String = (0..count(random, 33_000))
        .map(|number| {
            let parameters: String = (0..20).map(|bit| if number >> bit & 1 == 1 { "i32 " } else { "i64 " }).collect();
            format!("(type (func (param {parameters})))")
        })
        .collect();
    step_and_module(&types)
}

/// Types that each contain the one before several times, so that a value of the last has billions of parts.
pub(super) fn type_towers(random: &mut StdRng) -> Vec<u8> {
    let (levels, width) = (random.random_range(1..40), random.random_range(1..5));
    let shape = random.random_range(0..4);
    let level = |level: usize| {
        let below = format!("$t{}", level - 1);
        let parts = |part: &str| (0..width).map(|index| part.replace('#', &index.to_string())).collect::<String>();
        let shape = match shape {
            0 => format!("(tuple {})", parts(&format!("{below} "))),
            1 => format!("(record {})", parts(&format!("(field \"f#\" {below})"))),
            2 => format!("(variant {})", parts(&format!("(case \"c#\" {below})"))),
            _ => format!("(list {below})"),
        };
        format!("(type $t{level} {shape})")
    };
    let types: String = (1..levels).map(level).collect();
    let function = format!("(type (func (param \"x\" $t{}) (result $t{})))", levels - 1, levels - 1);
    step_and_types(&format!("(type $t0 u8) {types} {function}"))
}

pub(super) fn aliases(random: &mut StdRng) -> Vec<u8> {
    let module = "(core module $f (func (export \"f\"))) (core instance $f (instantiate $f))";
    let alias = "(alias core export $f \"f\" (core func))";
    step_and_types(&format!("{module} {}", alias.repeat(random.random_range(1..60_000))))
}

/// A function of a component inside, passed to the core of the one outside again and again.
pub(super) fn lowered_functions(random: &mut StdRng) -> Vec<u8> {
    let module = "(core module $m (func (export \"f\"))) (core instance $i (instantiate $m))";
    let inner = format!("(component $c {module} (func (export \"f\") (canon lift (core func $i \"f\"))))");
    let lowered = "(core func (canon lower (func $f)))".repeat(random.random_range(1..20_000));
    step_and_types(&format!("{inner} (instance $c (instantiate $c)) (alias export $c \"f\" (func $f)) {lowered}"))
}

pub(super) fn large_segment(random: &mut StdRng) -> Vec<u8> {
    let data = "a".repeat(random.random_range(1..12 << 20));
    let place = ["", "(i32.const 0)", "(i32.const 4000000)"][random.random_range(0..3)];
    step_and_module(&format!("(memory 200) (data {place} \"{data}\")"))
}

pub(super) fn globals(random: &mut StdRng) -> Vec<u8> {
    let count = random.random_range(1..100_000);
    step_and_module(&"(global (mut v128) (v128.const i64x2 1 2))".repeat(count))
}

pub(super) fn tables_and_memories(random: &mut StdRng) -> Vec<u8> {
    let (tables, memories) = (random.random_range(0..100), random.random_range(0..100));
    step_and_module(&format!("{} {}", "(table 10 funcref)".repeat(tables), "(memory 1)".repeat(memories)))
}

pub(super) fn huge_minimums(random: &mut StdRng) -> Vec<u8> {
    const MINIMUMS: [&str; 6] = [
        "(memory 65536)",
        "(memory 4000)",
        "(table 10000000 funcref)",
        "(table 4294967295 funcref)",
        "(table 1000000 funcref)",
        "(memory 1 65536) (data (i32.const -1) \"a\")",
    ];
    step_and_module(MINIMUMS[random.random_range(0..MINIMUMS.len())])
}

pub(super) fn locals(random: &mut StdRng) -> Vec<u8> {
    let count = random.random_range(1..50_000);
    step_and_module(&format!("(func (local {}))", "v128 ".repeat(count)))
}

pub(super) fn branch_tables(random: &mut StdRng) -> Vec<u8> {
    let count = random.random_range(1..60_000);
    step_and_module(&format!("(func (param i32) (block (br_table {} (local.get 0))))", "0 ".repeat(count)))
}

pub(super) fn table_instructions(random: &mut StdRng) -> Vec<u8> {
    let instruction = "(table.fill (i32.const 0) (ref.null func) (i32.const 1))";
    step_and_module(&format!("(table 1 funcref) (func {})", instruction.repeat(count(random, 1000))))
}

pub(super) fn exports(random: &mut StdRng) -> Vec<u8> {
    let long = "a".repeat(random.random_range(1..2000));
    let exports: String =
        (0..random.random_range(1..2000)).map(|number| format!("(export \"{long}{number}\" (func 0))")).collect();
    step_and_module(&format!("(func) {exports}"))
}

pub(super) fn imports(random: &mut StdRng) -> Vec<u8> {
    let imports: String =
        (0..random.random_range(1..3000)).map(|number| format!("(import \"a{number}\" (func))")).collect();
    parse(&STEP.replacen("(component\n", &format!("(component\n{imports}\n"), 1))
}

/// Sections of debug information, of names and of tools, with random bytes.
pub(super) fn custom_sections(random: &mut StdRng) -> Vec<u8> {
    const NAMES: [&str; 9] = [
        "name",
        "producers",
        "component-name",
        "stillbox-sdk",
        ".debug_info",
        ".debug_abbrev",
        ".debug_line",
        ".debug_str",
        "target_features",
    ];
    let mut component = step_with(&[(";; BODY", "unreachable")]);
    for name in NAMES {
        let length = random.random_range(0..5000);
        let content: Vec<u8> = (0..length).map(|_| random.random()).collect();
        component.push(0);
        leb(&mut component, 1 + name.len() + content.len());
        component.push(name.len() as u8);
        component.extend_from_slice(name.as_bytes());
        component.extend_from_slice(&content);
    }
    component
}

fn leb(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// A step in which some bytes are changed.
pub(super) fn mutated_step(random: &mut StdRng) -> Vec<u8> {
    let mut component = harmless();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(8..component.len());
        component[at] = random.random();
    }
    component
}

/// Files that start like a component and end somewhere.
pub(super) fn garbage(random: &mut StdRng) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    if random.random() {
        bytes = harmless();
        bytes.truncate(random.random_range(0..bytes.len()));
    }
    bytes.extend((0..random.random_range(0..2000)).map(|_| random.random::<u8>()));
    bytes
}
