//! Pipelines whose steps have references and digests.

use std::fs;

use stillbox_test_guests::{ADD_COLUMN, BAD_PANIC, KEEP_LONG};

use super::{forget, pipeline, push, stillbox};
use crate::harness::registry::{digest, storing_registry};
use crate::harness::{Folder, PipelineFile, Server, component_step, step};

/// Replaces what differs from run to run.
fn plain(text: &str, server: &Server) -> String {
    let digests = regex::Regex::new("[0-9a-f]{64}").unwrap();
    digests.replace_all(&text.replace(&server.address.to_string(), "REGISTRY"), "DIGEST").into_owned()
}

#[test]
fn a_tag_is_rejected_with_the_digest_to_write() {
    let registry = storing_registry(|_| None);
    let pinned = push(&Folder::new(), ADD_COLUMN, registry.address);
    let tag = format!("oci://{}/org/clean:1", registry.address);
    let folder = pipeline(&tag);
    let message = stillbox(&folder, ["run", "pipeline.toml"]).failed(2);
    assert!(message.contains(&pinned), "{message}");
    insta::assert_snapshot!(plain(&message, &registry), @r#"
    Downloading oci://REGISTRY/org/clean:1
    error: `oci://REGISTRY/org/clean:1` cannot be used: it has no digest, so its content may be another one in every run
     --> pipeline.toml:9:13
      |
    9 | component = "oci://REGISTRY/org/clean:1"
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `oci://REGISTRY/org/clean:1@sha256:DIGEST`
      = help: or lock the pipeline with `stillbox lock`, and add `--locked`
    "#);
    assert_eq!(stillbox(&folder, ["check", "pipeline.toml", "--json"]).json()["errors"][0]["line"], 9);
    let missing = pipeline(&format!("oci://{}/org/clean:2", registry.address).replace("clean", "klean"));
    let message = stillbox(&missing, ["run", "pipeline.toml"]).failed(2);
    assert!(message.contains("/klean:2`: 127.0.0.1:"), "{message}");
    assert!(message.contains("does not have it: 404 Not Found (NAME_UNKNOWN)"), "{message}");
    assert!(message.contains("= help: check the name and the tag\n"), "{message}");
}

#[test]
fn a_reference_that_the_registry_does_not_know_says_what_to_correct() {
    let registry = storing_registry(|_| None);
    let pinned = push(&Folder::new(), ADD_COLUMN, registry.address);
    let name = format!("oci://{}/org/clean", registry.address);
    let message = stillbox(&Folder::new(), ["pull", &name]).failed(1);
    assert!(message.contains(&format!("hint: without a tag, `latest` is meant: write `{name}:TAG`")), "{message}");

    // The digests of manifest and file, each in the place of the other.
    let (manifest, file) = (pinned.split_once('@').unwrap().1, digest(&fs::read(ADD_COLUMN).unwrap()));
    let message = stillbox(&Folder::new(), ["pull", &format!("{name}@{file}")]).failed(1);
    assert!(message.contains("hint: check the name and the digest: after `@` is that of the manifest"), "{message}");
    let folder = pipeline(&format!("{name}:1"));
    let with_digest = folder.text("pipeline.toml").replace("clean:1\"", &format!("clean:1\"\ndigest = \"{manifest}\""));
    folder.write("pipeline.toml", with_digest);
    let message = stillbox(&folder, ["run", "pipeline.toml"]).failed(2);
    assert!(message.contains(&format!("does not have the file {manifest}: 404")), "{message}");
    assert!(message.contains("= help: write the digest that `stillbox inspect` prints"), "{message}");

    let page = format!("http://{}/clean.wasm", registry.address);
    assert!(stillbox(&Folder::new(), ["pull", &page]).failed(1).contains("hint: check the address"));
}

#[test]
fn a_lock_pins_a_tag_and_is_enough_offline() {
    let registry = storing_registry(|_| None);
    push(&Folder::new(), ADD_COLUMN, registry.address);
    let tag = format!("oci://{}/org/clean:1", registry.address);
    let folder = pipeline(&tag);
    stillbox(&folder, ["lock", "pipeline.toml"]).succeeded();
    let lock = folder.text("stillbox.lock");
    let locked = format!("component = \"{tag}\"\ndigest = \"{}\"", digest(&fs::read(ADD_COLUMN).unwrap()));
    assert!(lock.contains(&locked), "{lock}");
    let asked = registry.requests().len();
    for command in ["run", "check"] {
        stillbox(&folder, [command, "pipeline.toml", "--locked"]).succeeded();
    }
    assert_eq!(registry.requests().len(), asked, "the cache is enough");

    // The tag moves, and the lock stays what it was.
    push(&Folder::new(), KEEP_LONG, registry.address);
    forget(&folder);
    stillbox(&folder, ["run", "pipeline.toml", "--locked"]).succeeded();
    folder.write("pipeline.toml", folder.text("pipeline.toml").replace("clean:1", "clean:2"));
    let message = stillbox(&folder, ["run", "pipeline.toml", "--locked"]).failed(2);
    assert!(
        message.contains("clean:1` for this step, and the pipeline another reference without a digest"),
        "{message}"
    );
}

#[test]
fn a_reference_with_a_digest_is_compared_with_the_lock() {
    let registry = storing_registry(|_| None);
    let pinned = push(&Folder::new(), ADD_COLUMN, registry.address);
    let folder = pipeline(&pinned);
    stillbox(&folder, ["lock", "pipeline.toml"]).succeeded();
    stillbox(&folder, ["run", "pipeline.toml", "--locked"]).succeeded();
    let other = push(&Folder::new(), KEEP_LONG, registry.address);
    folder.write("pipeline.toml", folder.text("pipeline.toml").replace(&pinned, &other));
    let message = stillbox(&folder, ["run", "pipeline.toml", "--locked"]).failed(2);
    assert!(message.contains("has the digest sha256:"), "{message}");
}

#[test]
fn nothing_is_downloaded_for_an_untrusted_pipeline() {
    let registry = storing_registry(|_| None);
    let pinned = push(&Folder::new(), ADD_COLUMN, registry.address);
    let folder = pipeline(&pinned);
    stillbox(&folder, ["lock", "pipeline.toml"]).succeeded();
    forget(&folder);
    let asked = registry.requests().len();
    let message = stillbox(&folder, ["run", "pipeline.toml", "--untrusted"]).failed(2);
    insta::assert_snapshot!(plain(&message, &registry), @r#"
    error: cannot download `oci://REGISTRY/org/clean:1@sha256:DIGEST`: it is not in the cache, and nothing is downloaded for a pipeline that is not trusted
     --> pipeline.toml:9:13
      |
    9 | component = "oci://REGISTRY/org/clean:1@sha256:DIGEST"
      |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: download and review it before: `stillbox pull oci://REGISTRY/org/clean:1@sha256:DIGEST`, `stillbox inspect`
    "#);
    assert_eq!(registry.requests().len(), asked);
    stillbox(&folder, ["pull", &pinned]).succeeded();
    stillbox(&folder, ["run", "pipeline.toml", "--untrusted"]).succeeded();
}

#[test]
fn a_step_that_pins_its_file_runs_that_file_only() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a b\"}\n");
    let own = digest(&fs::read(ADD_COLUMN).unwrap());
    let pinned = |digest: &str| PipelineFile::new().add(step("add_column").set("digest", format!("\"{digest}\"")));
    folder.run(pinned(&own)).succeeded();
    let other = digest(b"another");
    let message = folder.run(pinned(&other)).failed(2);
    assert!(message.contains(&own) && message.contains(&other), "{message}");
    let digests = regex::Regex::new("[0-9a-f]{64}").unwrap();
    insta::assert_snapshot!(digests.replace_all(&message, "DIGEST"), @r#"
    error: `add_column.wasm` has the digest sha256:DIGEST, and step `add_column` pins sha256:DIGEST
      --> pipeline.toml:10:10
       |
    10 | digest = "sha256:DIGEST"
       |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ pinned here
       |
       = help: review the component, then write its digest
    "#);
    let message = folder.run(pinned("sha256:12")).failed(2);
    assert!(message.contains("`sha256:12` is not a digest: write `sha256:` and 64 hexadecimal digits"), "{message}");
    folder.write("add_column.wasm.d/Cargo.toml", "[workspace]\n");
    let step = component_step("add_column", "add_column.wasm.d").set("digest", format!("\"{own}\""));
    let message = folder.run(PipelineFile::new().add(step)).failed(2);
    let expected = "step `add_column` pins a folder, and what is built from one depends on the compiler";
    assert!(message.contains(expected), "{message}");
}

#[test]
fn a_path_that_is_meant_as_a_reference_is_explained() {
    for (component, reference) in [
        ("ghcr.io/org/clean:1", "oci://ghcr.io/org/clean:1"),
        ("docker pull org/clean:1", "oci://docker.io/org/clean:1"),
    ] {
        let message = stillbox(&pipeline(component), ["check", "pipeline.toml"]).failed(2);
        assert!(message.contains(&format!("for a component in a registry write `{reference}`")), "{message}");
    }
    let message = stillbox(&pipeline("s3://bucket/clean.wasm"), ["check", "pipeline.toml"]).failed(2);
    insta::assert_snapshot!(message, @r#"
    error: `s3://bucket/clean.wasm` is not a reference to a component: `s3://` is not known: write `oci://REGISTRY/NAME:TAG` or `https://…`
     --> pipeline.toml:9:13
      |
    9 | component = "s3://bucket/clean.wasm"
      |             ^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_bundle_of_a_downloaded_step_is_replayed_offline() {
    let registry = storing_registry(|_| None);
    let pinned = push(&Folder::new(), BAD_PANIC, registry.address);
    let folder = pipeline(&pinned);
    folder.write("input.jsonl", "{\"id\":3,\"text\":\"a\"}\n");
    stillbox(&folder, ["run", "pipeline.toml", "--bundle", "bundles"]).failed(1);
    forget(&folder);
    let asked = registry.requests().len();
    let bundles: Vec<_> = fs::read_dir(folder.join("bundles")).unwrap().map(|file| file.unwrap().path()).collect();
    stillbox(&folder, ["replay", &bundles[0].to_string_lossy()]).succeeded();
    assert_eq!(registry.requests().len(), asked);
}

#[test]
fn a_pipeline_downloads_a_component_once_and_reports_it_as_an_event() {
    let registry = storing_registry(|_| None);
    let pinned = push(&Folder::new(), KEEP_LONG, registry.address);
    let folder = pipeline(&pinned);
    let add = |name: &str| component_step(name, &pinned);
    folder.write_pipeline(PipelineFile::new().add(add("one")).add(add("two")));
    let run = stillbox(&folder, ["run", "pipeline.toml", "--message-format", "json"]).succeeded();
    let downloading: Vec<_> = run.json_lines().into_iter().filter(|event| event["event"] == "downloading").collect();
    assert_eq!(downloading, [serde_json::json!({ "event": "downloading", "reference": pinned })]);
}

#[test]
fn a_file_of_a_web_server_needs_its_digest() {
    let component = fs::read(ADD_COLUMN).unwrap();
    let body = component.clone();
    let server = Server::new(move |_| {
        [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat()
    });
    let url = server.url("/clean.wasm");
    let folder = pipeline(&url);
    let message = stillbox(&folder, ["run", "pipeline.toml"]).failed(2);
    let fragment = digest(&component).replacen(':', "=", 1);
    assert!(message.contains(&format!("add `#{fragment}`")), "{message}");
    let folder = pipeline(&format!("{url}#{fragment}"));
    stillbox(&folder, ["run", "pipeline.toml"]).succeeded();
    let asked = server.requests().len();
    stillbox(&folder, ["run", "pipeline.toml"]).succeeded();
    assert_eq!(server.requests().len(), asked);
    let pulled = stillbox(&folder, ["pull", &format!("{url}?key=a")]).succeeded();
    assert_eq!(pulled.text().trim_end(), format!("{url}?key=a#{fragment}"));
}
