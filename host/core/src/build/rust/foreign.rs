//! The variables of the environment that cargo must not inherit.

use std::ffi::OsStr;
use std::process::Command;

/// Variables that cargo sets for its child processes, or that contain flags for the native target. A build that is started
/// from `cargo run` or from a build script must not inherit them.
const FOREIGN: [&str; 9] = [
    "CARGO",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_CRATE_NAME",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MAKEFLAGS",
    "CARGO_PRIMARY_PACKAGE",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTFLAGS",
];

/// Prefixes of further such variables.
const FOREIGN_PREFIXES: [&str; 7] =
    ["CARGO_BIN_", "CARGO_CFG_", "CARGO_FEATURE_", "CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_TARGET_", "DEP_"];

/// The user's setting for the target folder: the one variable with such a prefix that is inherited.
const TARGET_DIR: &str = "CARGO_TARGET_DIR";

/// Removes the variables from the environment of a command.
pub(super) fn remove(command: &mut Command) {
    for (variable, _) in std::env::vars_os() {
        if is_foreign(&variable) {
            command.env_remove(variable);
        }
    }
}

fn is_foreign(variable: &OsStr) -> bool {
    let Some(variable) = variable.to_str() else {
        return false;
    };
    variable != TARGET_DIR
        && (FOREIGN.contains(&variable) || FOREIGN_PREFIXES.iter().any(|prefix| variable.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_cargo_sets_for_child_processes_are_foreign() {
        for variable in ["RUSTFLAGS", "CARGO", "CARGO_PKG_NAME", "DEP_Z_ROOT", "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS"] {
            assert!(is_foreign(OsStr::new(variable)), "{variable}");
        }
        for variable in ["PATH", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE", "RUSTC_WRAPPER"] {
            assert!(!is_foreign(OsStr::new(variable)), "{variable}");
        }
    }
}
