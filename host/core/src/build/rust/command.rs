//! The command that builds a crate.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::Value;

use super::{TARGET, foreign};
use crate::build::BuildProfile;

/// The settings of the profile for components that are used. They are passed on the command line, so that authors need none in
/// their manifests.
///
/// A step is compiled once and runs on every batch, so speed comes first. Line tables let a trap name its line.
const RELEASE: [&str; 3] = ["opt-level=3", "lto='fat'", "codegen-units=1"];

/// The settings for tests: the step compiles fast, and checks arithmetic.
const DEVELOPMENT: [&str; 6] = [
    "opt-level=1",
    "lto='off'",
    "codegen-units=16",
    "debug-assertions=true",
    "overflow-checks=true",
    "incremental=true",
];

/// The settings of both. The profile has one name, so that macros and build scripts, whose settings are the same, are compiled once.
const COMMON: [&str; 9] = [
    "inherits='release'",
    "debug='line-tables-only'",
    "strip='none'",
    "build-override.opt-level=0",
    "build-override.codegen-units=256",
    "build-override.debug=false",
    "build-override.debug-assertions=false",
    "build-override.overflow-checks=false",
    "build-override.incremental=false",
];

/// The name of the profile.
const PROFILE: &str = "stillbox";

/// Flags for the compiler, also passed on the command line.
///
/// Vector instructions are part of WebAssembly 2, which every component runtime supports. The initial heap of 3 MiB, in
/// addition to the static data, holds a usual batch, so that instances need not grow their memory page by page. Pages that
/// are not touched cost nothing.
const FLAGS: [&str; 2] = ["-Ctarget-feature=+simd128", "-Clink-arg=--initial-heap=3145728"];

/// The places of libraries in components, so that a component does not depend on the folders of the machine that built it.
const SDK: &str = "/stillbox-sdk";
const CARGO_HOME: &str = "/cargo";

/// A call of cargo that builds one crate.
pub(super) struct Cargo<'a> {
    pub(super) program: &'a OsStr,
    pub(super) dir: &'a Path,
    pub(super) manifest: &'a Path,
    pub(super) profile: BuildProfile,
    pub(super) target_dir: Option<&'a Path>,
    /// The folder of the workspace, which may be that of the crate.
    pub(super) workspace_root: Option<PathBuf>,
    /// The folder for what cargo compiles on the way to the component. `None` for the target folder.
    pub(super) build_dir: Option<PathBuf>,
    /// The SDK's folder, if it is not in the workspace.
    pub(super) sdk: Option<PathBuf>,
    /// The folders of crates that replace those of crates.io, by name.
    pub(super) patches: Vec<(String, PathBuf)>,
}

impl Cargo<'_> {
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        // Without this crate type, a crate that is also an ordinary library would be built without link-time optimisation,
        // which libraries cannot have.
        command.args(["rustc", "--lib", "--crate-type", "cdylib", "--target", TARGET]);
        command.args(["--profile", PROFILE, "--color", "never", "--message-format", "json-render-diagnostics"]);
        let settings = match self.profile {
            BuildProfile::Release => &RELEASE[..],
            BuildProfile::Development => &DEVELOPMENT[..],
        };
        for setting in COMMON.iter().chain(settings) {
            command.arg("--config").arg(format!("profile.{PROFILE}.{setting}"));
        }
        command.arg("--config").arg(format!("target.{TARGET}.rustflags={}", Value::from(self.flags())));
        for (name, folder) in &self.patches {
            command.arg("--config").arg(format!("patch.crates-io.{name}.path={}", quoted(folder)));
        }
        if let Some(folder) = &self.build_dir {
            command.arg("--config").arg(format!("build.build-dir={}", quoted(folder)));
        }
        command.arg("--manifest-path").arg(self.manifest);
        if let Some(target_dir) = self.target_dir {
            // Cargo runs in another folder, so a relative path would not lead to the same place.
            command.arg("--target-dir").arg(std::path::absolute(target_dir).unwrap_or_else(|_| target_dir.to_owned()));
        }
        // Cargo compiles everything again if the flags of all crates change, and the folder of a step that shares its
        // dependencies with others differs. So this flag is for the crate alone.
        if let (Some(root), Some(_)) = (&self.workspace_root, &self.build_dir) {
            command.arg("--").arg(remapped(root, ""));
        }
        // Cargo finds the crate's `.cargo/config.toml` and `rust-toolchain.toml` from its working folder.
        command.current_dir(self.dir);
        foreign::remove(&mut command);
        command
    }

    /// Returns the flags for all crates.
    fn flags(&self) -> Vec<String> {
        let mut flags: Vec<String> = FLAGS.map(str::to_owned).into();
        if let Some(home) = cargo_home() {
            flags.push(remapped(&home, CARGO_HOME));
        }
        // The last that matches counts.
        if let (Some(root), None) = (&self.workspace_root, &self.build_dir) {
            flags.push(remapped(root, ""));
        }
        let is_outside = |sdk: &&PathBuf| self.workspace_root.as_ref().is_none_or(|root| !sdk.starts_with(root));
        if let Some(sdk) = self.sdk.as_ref().filter(is_outside) {
            flags.push(remapped(sdk, SDK));
        }
        flags
    }
}

fn remapped(folder: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", folder.display())
}

fn cargo_home() -> Option<PathBuf> {
    let named = env::var_os("CARGO_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

/// Returns a path as a string of TOML.
fn quoted(path: &Path) -> String {
    Value::from(path.display().to_string()).to_string()
}
