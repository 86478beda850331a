//! The entry of one step.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::component::Component;
use crate::grants::{DirGrant, Grants};

/// The properties of a step when it was locked. Every list is sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedStep {
    /// The path of the component, as in the pipeline file.
    pub component: String,
    /// The digest of the component's file: `sha256:` and 64 hexadecimal digits. `None` for a folder, whose component depends on
    /// the compiler.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
    /// The name in the component's manifest.
    pub name: String,
    /// The version in the component's manifest.
    pub version: String,
    /// The contract, with its version.
    pub contract: String,
    /// The language that the component was written in, if it says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub language: Option<String>,
    /// The version of the SDK, if the component says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sdk: Option<String>,
    /// The interfaces that the component imports, without their versions, which depend on the compiler.
    pub imports: Vec<String>,
    /// The kinds of grants: `environment`, `http`, `read-files`, `write-files`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub grants: Vec<String>,
    /// The names of the models that it asks.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub models: Vec<String>,
    /// The names of the secrets in its requests.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub secrets: Vec<String>,
}

impl LockedStep {
    /// Describes a step. `written` is the path of the component in the pipeline file, and `is_source` says whether it is a folder.
    pub(crate) fn new(component: &Component, written: &Path, is_source: bool, grants: &Grants) -> Self {
        let manifest = component.manifest();
        let toolchain = component.toolchain();
        let interface = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
        let imports: BTreeSet<String> = component.imports().iter().map(|import| interface(&import.name)).collect();
        let secrets = grants.http.iter().filter_map(|grant| grant.secret_header());
        let secrets: BTreeSet<String> = secrets.flat_map(|header| header.secrets().map(ToOwned::to_owned)).collect();
        let kinds = [
            ("environment", !grants.env.is_empty()),
            ("http", !grants.http.is_empty()),
            ("read-files", grants.dirs.iter().any(|dir| !dir.is_writable())),
            ("write-files", grants.dirs.iter().any(DirGrant::is_writable)),
        ];
        Self {
            component: written.to_string_lossy().into_owned(),
            digest: (!is_source).then(|| component.digest().to_string()),
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            contract: component.contract().to_owned(),
            language: toolchain.language.clone(),
            sdk: toolchain.sdk.clone(),
            imports: imports.into_iter().collect(),
            grants: kinds.iter().filter(|(_, is_granted)| *is_granted).map(|(kind, _)| (*kind).to_owned()).collect(),
            models: Vec::new(),
            secrets: secrets.into_iter().collect(),
        }
    }
}
