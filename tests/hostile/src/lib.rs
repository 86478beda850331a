//! Hostile components, generated from a seed: the same seed gives the same component.
//!
//! [`KINDS`] lists the attacks. Those in `behaviour` are steps that load and then lie, trap or never end; those in `structure` are
//! files that stand for far more work than their size suggests, or that are not what they claim to be.

#![expect(clippy::format_collect, reason = "components are small, and `format!` shows them")]

mod behaviour;
mod structure;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

/// A step in WebAssembly text that reads and writes no columns.
const STEP: &str = include_str!("../../e2e/wat/step.wat");

/// A kind of attack.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name, in lower case with hyphens.
    pub name: &'static str,
    generate: fn(&mut StdRng) -> Vec<u8>,
}

/// All kinds of attacks.
pub const KINDS: &[Kind] = &[
    kind("lying-output", behaviour::lying_output),
    kind("overlapping-output", behaviour::overlapping_output),
    kind("many-columns", behaviour::many_columns),
    kind("huge-message", behaviour::huge_message),
    kind("lying-manifest", behaviour::lying_manifest),
    kind("absurd-names", behaviour::absurd_names),
    kind("lying-signature", behaviour::lying_signature),
    kind("lying-realloc", behaviour::lying_realloc),
    kind("post-return", behaviour::post_return),
    kind("start-function", behaviour::start_function),
    kind("recursion", behaviour::recursion),
    kind("traps", behaviour::traps),
    kind("growth", behaviour::growth),
    kind("host-calls", behaviour::host_calls),
    kind("long-function-names", behaviour::long_function_names),
    kind("nested-instances", structure::nested_instances),
    kind("nested-components", structure::nested_components),
    kind("nested-loops", structure::nested_loops),
    kind("nested-blocks", structure::nested_blocks),
    kind("segments", structure::segments),
    kind("functions", structure::functions),
    kind("types", structure::types),
    kind("type-towers", structure::type_towers),
    kind("aliases", structure::aliases),
    kind("lowered-functions", structure::lowered_functions),
    kind("large-segment", structure::large_segment),
    kind("globals", structure::globals),
    kind("tables-and-memories", structure::tables_and_memories),
    kind("huge-minimums", structure::huge_minimums),
    kind("locals", structure::locals),
    kind("branch-tables", structure::branch_tables),
    kind("table-instructions", structure::table_instructions),
    kind("exports", structure::exports),
    kind("imports", structure::imports),
    kind("custom-sections", structure::custom_sections),
    kind("mutated-step", structure::mutated_step),
    kind("garbage", structure::garbage),
];

const fn kind(name: &'static str, generate: fn(&mut StdRng) -> Vec<u8>) -> Kind {
    Kind { name, generate }
}

impl Kind {
    /// Returns the component of a seed.
    pub fn component(&self, seed: u64) -> Vec<u8> {
        (self.generate)(&mut StdRng::seed_from_u64(seed))
    }
}

/// Returns a step that follows the contract.
pub fn harmless() -> Vec<u8> {
    parse(STEP)
}

/// Returns the component of a text.
///
/// # Panics
/// The text is malformed, which is an error of a generator.
fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap_or_else(|error| panic!("{error}"))
}

/// Returns the step with a part of its text replaced.
///
/// # Panics
/// The step does not have this part.
fn step_with(replacements: &[(&str, &str)]) -> Vec<u8> {
    let text = replacements.iter().fold(STEP.to_owned(), |text, (part, by)| {
        assert!(text.contains(part), "the step has no {part}");
        text.replacen(part, by, 1)
    });
    parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_component_again() {
        for kind in KINDS {
            for seed in 0..4 {
                let component = kind.component(seed);
                assert!(component == kind.component(seed), "{}", kind.name);
                assert!(component.len() < 16 << 20, "{} has {} bytes", kind.name, component.len());
            }
        }
    }
}
