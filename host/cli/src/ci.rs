//! Continuous integration, as its systems announce themselves in the environment.

use std::env;
use std::path::Path;

use stillbox::text::folder_name;

/// Returns whether the command runs in continuous integration: `CI` is `true` or `1`, as GitHub, GitLab and most others set it.
pub(crate) fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true" || value == "1")
}

/// Returns whether the command runs in a workflow of GitHub.
pub(crate) fn is_github() -> bool {
    env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Returns the warning about a folder that is built in continuous integration, or `None` elsewhere.
pub(crate) fn build_warning(folder: &Path) -> Option<String> {
    is_ci().then(|| {
        format!(
            "building `{}` runs its build scripts on this machine, outside of the sandbox; give a compiled .wasm file, and \
             `--no-build` to reject folders",
            folder_name(folder)
        )
    })
}
