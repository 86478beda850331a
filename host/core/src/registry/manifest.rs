//! Manifests of components, as the TAG Runtime of the CNCF has defined them for WebAssembly artifacts
//! (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>), and as the crate `oci-wasm` 0.6 reads and writes them.
//!
//! An artifact has a configuration, which describes the component, and the component as its only layer.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::RegistryErrorKind;
use crate::reference::Digest;
use crate::text::shown;
use crate::units::format_utc;

/// The media type of a manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of the configuration of a component.
pub(super) const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The media type of a component.
pub(super) const LAYER: &str = "application/wasm";
/// The media types that are accepted in an answer. Those that are no component are recognised, for a better message.
pub(super) const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";

/// A file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<serde::de::IgnoredAny>>,
}

/// The component of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// Returns the component of a manifest.
///
/// # Errors
/// The bytes are no manifest, or that of something else than a component.
pub(super) fn parse(bytes: &[u8]) -> Result<Layer, RegistryErrorKind> {
    let malformed = |problem: &str| RegistryErrorKind::Malformed(format!("the manifest {problem}"));
    let document: Document = serde_json::from_slice(bytes).map_err(|_| malformed("is not one"))?;
    let other = |what: String| Err(RegistryErrorKind::NotAComponent(what));
    if document.manifests.is_some() {
        return other("it is an index of several images, such as container images for several platforms".into());
    }
    let (Some(config), Some(layers)) = (document.config, document.layers) else { return Err(malformed("is not one")) };
    let media_type = document.media_type.as_deref().unwrap_or(MANIFEST);
    if media_type != MANIFEST || is_image(&config.media_type) {
        return other("it is a container image".into());
    }
    if config.media_type != CONFIG {
        let has = shown(&config.media_type);
        return other(format!("its configuration has the type `{has}`, and that of a component `{CONFIG}`"));
    }
    let [layer] = layers.as_slice() else {
        return other(format!("it has {} layers, and a component one", layers.len()));
    };
    if layer.media_type != LAYER {
        return other(format!(
            "its layer has the type `{}`, and that of a component `{LAYER}`",
            shown(&layer.media_type)
        ));
    }
    let digest = Digest::parse(&layer.digest).map_err(|_| malformed("has a digest that is not SHA-256"))?;
    Ok(Layer { digest, size: layer.size })
}

/// Returns whether a configuration is that of a container image.
fn is_image(config: &str) -> bool {
    config.starts_with("application/vnd.oci.image.config.")
        || config.starts_with("application/vnd.docker.container.image.")
}

/// The description of a component in its artifact.
pub(super) struct Description<'d> {
    pub(super) name: &'d str,
    pub(super) version: &'d str,
    pub(super) summary: &'d str,
    pub(super) exports: &'d [String],
    pub(super) imports: &'d [String],
    /// The time of its creation. `None` for the start of 1970, so that equal components have equal artifacts.
    pub(super) created: Option<std::time::SystemTime>,
}

/// Creates the configuration of a component.
pub(super) fn config(description: &Description<'_>, component: &Digest) -> Vec<u8> {
    let config = json!({
        "created": rfc3339(description.created.unwrap_or(std::time::UNIX_EPOCH)),
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [component.as_str()],
        "component": { "exports": description.exports, "imports": description.imports },
    });
    config.to_string().into_bytes()
}

/// Creates the manifest of a component.
pub(super) fn manifest(description: &Description<'_>, config: &[u8], component: (&Digest, u64)) -> Vec<u8> {
    let descriptor = |media_type: &str, digest: &Digest, size: u64| json!({ "mediaType": media_type, "digest": digest.as_str(), "size": size });
    let mut annotations = Map::new();
    let created = description.created.map(rfc3339);
    for (name, value) in [
        ("created", created.as_deref().unwrap_or_default()),
        ("description", description.summary),
        ("title", description.name),
        ("version", description.version),
    ] {
        if !value.is_empty() {
            annotations.insert(format!("org.opencontainers.image.{name}"), Value::from(value));
        }
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, &Digest::compute(config), config.len() as u64),
        "layers": [descriptor(LAYER, component.0, component.1)],
        "annotations": annotations,
    });
    manifest.to_string().into_bytes()
}

fn rfc3339(time: std::time::SystemTime) -> String {
    format_utc(time).replacen(' ', "T", 1).replace(" UTC", "Z")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn description(created: Option<u64>) -> Description<'static> {
        Description {
            name: "clean",
            version: "1.2.0",
            summary: "Cleans text.",
            exports: &[],
            imports: &[],
            created: created.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)),
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let digest = Digest::compute(b"component");
        let config = config(&description(None), &digest);
        let bytes = manifest(&description(None), &config, (&digest, 9));
        assert_eq!(parse(&bytes).unwrap(), Layer { digest: digest.clone(), size: 9 });
        let text = String::from_utf8([config, b"\n".to_vec(), bytes].concat()).unwrap();
        insta::assert_snapshot!(text, @r#"
        {"created":"1970-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":["sha256:6985ca1f4daa5a584a28eae043a239cb96689af1337ea13afb63e00c2bf512fa"],"component":{"exports":[],"imports":[]}}
        {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.wasm.config.v0+json","digest":"sha256:2cad25deb1c3bd5436cbae872b91a7b4305e83ca41e4130f37dd15c15135e705","size":201},"layers":[{"mediaType":"application/wasm","digest":"sha256:6985ca1f4daa5a584a28eae043a239cb96689af1337ea13afb63e00c2bf512fa","size":9}],"annotations":{"org.opencontainers.image.description":"Cleans text.","org.opencontainers.image.title":"clean","org.opencontainers.image.version":"1.2.0"}}
        "#);
        let later = manifest(&description(Some(86_400)), b"{}", (&digest, 9));
        let text = String::from_utf8(later).unwrap();
        assert!(text.contains(r#""org.opencontainers.image.created":"1970-01-02T00:00:00Z""#), "{text}");
    }

    #[test]
    fn an_artifact_that_is_no_component_is_named() {
        let digest = Digest::compute(b"");
        let artifact = |media_type: &str, config: &str, layers: &[&str]| {
            let descriptor =
                |media_type: &str| json!({ "mediaType": media_type, "digest": digest.as_str(), "size": 0 });
            let layers: Vec<Value> = layers.iter().map(|layer| descriptor(layer)).collect();
            json!({ "mediaType": media_type, "config": descriptor(config), "layers": layers }).to_string()
        };
        let sha512 = artifact(MANIFEST, CONFIG, &[LAYER]).replace("sha256:", "sha512:");
        let texts = [
            artifact(
                "application/vnd.docker.distribution.manifest.v2+json",
                "application/vnd.docker.container.image.v1+json",
                &["a"],
            ),
            artifact(MANIFEST, "application/vnd.oci.image.config.v1+json", &["application/vnd.oci.image.layer.v1.tar"]),
            artifact(MANIFEST, "application/vnd.oci.empty.v1+json", &[LAYER]),
            artifact(MANIFEST, "\u{1b}[2J", &[LAYER]),
            artifact(MANIFEST, CONFIG, &["application/vnd.oci.image.layer.v1.tar+gzip"]),
            artifact(MANIFEST, CONFIG, &[LAYER, LAYER]),
            artifact(MANIFEST, CONFIG, &[]),
            r#"{"manifests":[{},{}]}"#.to_owned(),
            "{}".to_owned(),
            "<html>".to_owned(),
            sha512,
        ];
        let problems = texts.map(|text| parse(text.as_bytes()).unwrap_err().to_string());
        insta::assert_snapshot!(problems.join("\n"), @r"
        it is not a WebAssembly component: it is a container image
        it is not a WebAssembly component: it is a container image
        it is not a WebAssembly component: its configuration has the type `application/vnd.oci.empty.v1+json`, and that of a component `application/vnd.wasm.config.v0+json`
        it is not a WebAssembly component: its configuration has the type `\u{1b}[2J`, and that of a component `application/vnd.wasm.config.v0+json`
        it is not a WebAssembly component: its layer has the type `application/vnd.oci.image.layer.v1.tar+gzip`, and that of a component `application/wasm`
        it is not a WebAssembly component: it has 2 layers, and a component one
        it is not a WebAssembly component: it has 0 layers, and a component one
        it is not a WebAssembly component: it is an index of several images, such as container images for several platforms
        the manifest is not one
        the manifest is not one
        the manifest has a digest that is not SHA-256
        ");
    }
}
