//! Collects the files of the SDKs in `sdk/`, which become part of the library, so that a step can be created and built where no
//! clone of the repository is.
//!
//! `sdk/` has links to the SDKs, because a package contains only files of its own folder. A manifest is called `manifest.toml`
//! there: cargo leaves out folders with a `Cargo.toml`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The files of an SDK by their endings. Others, such as those of editors and the caches of Python, do not belong to it.
const ENDINGS: [&str; 7] = ["js", "md", "py", "rs", "toml", "typed", "wit"];

/// The crates of the SDK, as members of the workspace that its manifests inherit from.
const MEMBERS: &str = "members = [\"guest-sdk\", \"guest-sdk/key\", \"guest-sdk/macros\", \"guest-sdk/pattern\", \
                       \"guest-sdk/prompt\", \"guest-sdk/vectors\"]";

/// The variable that names the component for steps in JavaScript, for releases.
const RUNTIME: &str = "STILLBOX_EMBED_JAVASCRIPT_RUNTIME";

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name.to_owned()));
    let (sdk, out) = (variable("CARGO_MANIFEST_DIR")?.join("sdk"), variable("OUT_DIR")?);
    if !sdk.join("guest-sdk/src").is_dir() {
        let message = "the links in the repository are files: clone it again with `git clone -c core.symlinks=true`; \
                       Windows allows links in its developer mode";
        return Err(io::Error::other(message));
    }
    let mut files = Vec::new();
    collect(&sdk, &mut files)?;
    let mut entries = Vec::new();
    for file in files {
        println!("cargo::rerun-if-changed={}", file.display());
        let inside = file.strip_prefix(&sdk).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
        if inside == "workspace.toml" {
            let manifest = out.join("workspace.toml");
            fs::write(&manifest, workspace(&fs::read_to_string(&file)?))?;
            entries.push(("Cargo.toml".to_owned(), manifest));
        } else if inside == "guest-sdk/javascript/manifest.toml" {
            let manifest = out.join("javascript.toml");
            // A step is not part of the SDK.
            fs::write(&manifest, fs::read_to_string(&file)?.replace(", \"../../steps/run-js\"", ""))?;
            entries.push((inside.replace("manifest.toml", "Cargo.toml"), manifest));
        } else {
            let inside = inside.replace("manifest.toml", "Cargo.toml").replace("lockfile.toml", "Cargo.lock");
            entries.push((inside, file));
        }
    }
    entries.sort();
    let mut code = String::from("&[\n");
    for (name, file) in entries {
        let _ = writeln!(code, "    ({name:?}, include_bytes!({:?})),", file.display().to_string());
    }
    code.push_str("]\n");
    fs::write(out.join("sdk_files.rs"), code)?;
    embed_runtime(&out)
}

/// Makes the component for steps in JavaScript part of the library, if the variable [`RUNTIME`] names its file. Otherwise users build
/// it once, with cargo.
fn embed_runtime(out: &Path) -> io::Result<()> {
    println!("cargo::rerun-if-env-changed={RUNTIME}");
    let code = match env::var_os(RUNTIME).filter(|path| !path.is_empty()) {
        None => "None".to_owned(),
        Some(path) => {
            let path = fs::canonicalize(path)?;
            println!("cargo::rerun-if-changed={}", path.display());
            format!("Some(include_bytes!({:?}))", path.display().to_string())
        }
    };
    fs::write(out.join("javascript_runtime.rs"), code)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "__pycache__" {
            continue;
        }
        // Of the target of a link.
        if fs::metadata(&path)?.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known)) {
            files.push(path);
        }
    }
    Ok(())
}

/// Returns the manifest of a workspace with the crates of the SDK only, and without profiles.
fn workspace(manifest: &str) -> String {
    let mut text = String::new();
    for line in manifest.lines().take_while(|line| !line.starts_with("[profile")) {
        if line.starts_with("members =") {
            text.push_str(MEMBERS);
        } else if line.starts_with("exclude =") || line.starts_with("default-members =") {
            continue;
        } else {
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}
