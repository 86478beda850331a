//! The functions with the most samples, as text.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::sampler::EVERY;
use super::stacks::{FunctionKind, Stacks};
use crate::output::summary::{counted, duration};

/// The number of functions that are shown.
const SHOWN: usize = 15;

/// The longest name that is shown, in characters.
const NAME: usize = 90;

/// Returns the functions with the most samples of their own, with the shares of their own and with those of the functions that they call.
pub(super) fn table(stacks: &Stacks) -> String {
    let count = stacks.count();
    if count == 0 {
        return "profile: no sample, because the steps were called for less than 10 ms\n".to_owned();
    }
    let mut own = vec![0; stacks.functions.len()];
    let mut whole = vec![0; stacks.functions.len()];
    for sampled in stacks.nodes.iter().filter(|node| node.own > 0) {
        own[sampled.function] += sampled.own;
        // A recursive function counts once.
        let mut seen = HashSet::new();
        let mut next = Some(sampled);
        while let Some(node) = next {
            if seen.insert(node.function) {
                whole[node.function] += sampled.own;
            }
            next = node.parent.map(|parent| &stacks.nodes[parent]);
        }
    }
    let mut order: Vec<usize> = (0..own.len()).filter(|function| own[*function] > 0).collect();
    order.sort_by(|a, b| own[*b].cmp(&own[*a]).then_with(|| stacks.functions[*a].name.cmp(&stacks.functions[*b].name)));
    let (samples, time) =
        (counted(count, "sample", "samples"), duration(EVERY * u32::try_from(count).unwrap_or(u32::MAX)));
    // Writing to a string cannot fail.
    let mut text = format!("profile: {samples}, about {time} of all threads\n    own  total  function\n");
    for function in order.iter().take(SHOWN) {
        let share = |samples: u64| 100.0 * samples as f64 / count as f64;
        let mark = if stacks.functions[*function].kind == FunctionKind::Wait { "(wait) " } else { "" };
        let name: String = stacks.functions[*function].name.chars().take(NAME).collect();
        let _ = writeln!(text, "  {:>4.1}%  {:>4.1}%  {mark}{name}", share(own[*function]), share(whole[*function]));
    }
    let more = order.len().saturating_sub(SHOWN) as u64;
    if more > 0 {
        let _ = writeln!(text, "  and {}", counted(more, "more function", "more functions"));
    }
    text
}
