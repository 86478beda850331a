//! Recognises a component that exports a step.

use wasmparser::{Parser, Payload};

/// The interfaces that a step exports begin with this.
const CONTRACT: &str = "stillbox:step/";

/// Returns whether a component exports an interface of the contract. A file that cannot be parsed counts as a step: loading it
/// gives a better error.
pub(super) fn is_step(component: &[u8]) -> bool {
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::ComponentExportSection(exports)) if depth == 0 => {
                let is_contract = |name: &str| name.starts_with(CONTRACT);
                if exports.into_iter().flatten().any(|export| is_contract(export.name.name)) {
                    return true;
                }
            }
            Ok(_) => {}
            Err(_) => return true,
        }
    }
    false
}
