//! Components in registries and on web servers: `push`, `pull`, and references in place of paths.

mod credentials;
mod pipelines;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use stillbox_test_guests::{ADD_COLUMN, KEEP_LONG};

use crate::harness::registry::{DockerRegistry, digest, storing_registry};
use crate::harness::{
    Folder, Outcome, PipelineFile, Server, component_step, outcome, response, send, spawn, wait_until,
};

/// The command with a cache of its own, and without the credentials of the user.
fn command(folder: &Folder) -> Command {
    let mut command = folder.command();
    command.env("STILLBOX_CACHE", folder.join("cache")).env("DOCKER_CONFIG", folder.join("docker"));
    command.env_remove("SOURCE_DATE_EPOCH");
    command
}

fn stillbox<'a>(folder: &Folder, arguments: impl IntoIterator<Item = &'a str>) -> Outcome {
    outcome(command(folder).args(arguments))
}

/// Pushes a guest, and returns the reference that was printed.
fn push(folder: &Folder, guest: &str, address: impl std::fmt::Display) -> String {
    let pushed = stillbox(folder, ["push", guest, &format!("oci://{address}/org/clean:1")]).succeeded();
    pushed.text().trim_end().to_owned()
}

/// A folder with an input, and a pipeline whose only step has this component.
fn pipeline(component: &str) -> Folder {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a b\"}\n");
    folder.write_pipeline(PipelineFile::new().add(component_step("clean", component)));
    folder
}

/// Removes what was downloaded, and keeps what was compiled.
fn forget(folder: &Folder) {
    fs::remove_dir_all(folder.join("cache/downloads")).expect("there are downloads");
}

#[test]
fn a_step_is_pushed_pulled_and_run_with_the_registry_of_docker() {
    let Some(registry) = DockerRegistry::start() else { return };
    let folder = Folder::new();
    let pinned = push(&folder, ADD_COLUMN, &registry.address);
    let start = format!("oci://{}/org/clean:1@sha256:", registry.address);
    assert!(pinned.starts_with(&start) && pinned.len() == start.len() + 64, "{pinned}");
    assert_eq!(push(&folder, ADD_COLUMN, &registry.address), pinned, "the same component has the same digest");

    let pulled = stillbox(&folder, ["pull", &pinned, "--out", "pulled.wasm"]).succeeded();
    assert_eq!((pulled.text().trim_end(), folder.bytes("pulled.wasm")), (&*pinned, fs::read(ADD_COLUMN).unwrap()));
    let by_tag = format!("oci://{}/org/clean:1", registry.address);
    assert_eq!(stillbox(&folder, ["pull", &by_tag, "-o", "."]).succeeded().text().trim_end(), pinned);
    assert_eq!(folder.bytes("clean.wasm"), folder.bytes("pulled.wasm"));

    let folder = pipeline(&pinned);
    let run = stillbox(&folder, ["run", "pipeline.toml"]).succeeded();
    assert!(run.stderr.contains(&format!("Downloading {pinned}\n")), "{}", run.stderr);
    assert_eq!(folder.text("output.jsonl").lines().count(), 1);
    forget(&folder);
    stillbox(&folder, ["check", "pipeline.toml"]).succeeded();
    drop(registry);
    for arguments in [["run", "pipeline.toml"], ["check", "pipeline.toml"], ["inspect", &pinned], ["pull", &pinned]] {
        let offline = stillbox(&folder, arguments).succeeded();
        assert!(!offline.stderr.contains("Downloading"), "{}", offline.stderr);
    }
    forget(&folder);
    let message = stillbox(&folder, ["run", "pipeline.toml"]).failed(2);
    assert!(message.contains("cannot connect to 127.0.0.1:"), "{message}");
}

#[test]
fn the_time_of_creation_is_part_of_the_digest_only_if_it_is_set() {
    let registry = storing_registry(|_| None);
    let folder = Folder::new();
    let push = |epoch: &str| {
        let reference = format!("oci://{}/clean:1", registry.address);
        let mut command = command(&folder);
        outcome(command.args(["push", ADD_COLUMN, &reference]).env("SOURCE_DATE_EPOCH", epoch))
    };
    let (none, early) = (push("").succeeded().stdout, push("86400").succeeded().stdout);
    assert_ne!(none, early);
    assert_eq!(push("86400").succeeded().stdout, early);
    let manifest = registry.requests().into_iter().rfind(|request| request.line.contains("/manifests/")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.body).unwrap();
    let annotations = &manifest["annotations"];
    assert_eq!(annotations["org.opencontainers.image.created"], "1970-01-02T00:00:00Z");
    assert_eq!(annotations["org.opencontainers.image.version"], "0.1.0");
    assert_eq!(manifest["layers"][0]["digest"], digest(&fs::read(ADD_COLUMN).unwrap()));
    insta::assert_snapshot!(push("now").failed(2), @"error: the variable SOURCE_DATE_EPOCH is not a number of seconds since 1970");
}

#[test]
fn only_steps_are_pushed_and_only_to_registries() {
    let registry = storing_registry(|_| None);
    let folder = Folder::new();
    folder.write("text.wasm", "no component");
    let reference = format!("oci://{}/clean:1", registry.address);
    let message = stillbox(&folder, ["push", "text.wasm", &reference]).failed(2);
    assert!(message.contains("is not a WebAssembly component"), "{message}");
    assert_eq!(registry.connections(), 0);
    let errors = [
        stillbox(&folder, ["push", ADD_COLUMN, "oci://127.0.0.1:1/clean"]).failed(2),
        stillbox(&folder, ["push", ADD_COLUMN, "https://example.org/clean.wasm"]).failed(2),
        stillbox(&folder, ["push", ADD_COLUMN, "ghcr.io/org/clean:1"]).failed(2),
        stillbox(&folder, ["push", "oci://ghcr.io/org/clean:1", "oci://ghcr.io/org/other:1"]).failed(2),
    ];
    insta::assert_snapshot!(errors.concat(), @"
    error: cannot upload `oci://127.0.0.1:1/clean`: it has no tag
      hint: write `oci://127.0.0.1:1/clean:TAG`
    error: cannot upload `https://example.org/clean.wasm`: components are uploaded to registries alone
      hint: write `oci://REGISTRY/NAME:TAG`
    error: `ghcr.io/org/clean:1`: it has no scheme: write `oci://ghcr.io/org/clean:1`
    error: `oci://ghcr.io/org/clean:1` is not a file: download it with `stillbox pull oci://ghcr.io/org/clean:1 --out FILE.wasm`
    ");
}

#[test]
fn names_that_other_clients_accept_are_explained() {
    let folder = Folder::new();
    let errors = [
        "ghcr.io/org/clean:1",
        "docker pull org/clean",
        "oci://org/clean:1",
        "oci://clean",
        "http://example.org/clean.wasm",
        "clean.wasm",
    ];
    let errors = errors.map(|text| stillbox(&folder, ["pull", text]).failed(2));
    insta::assert_snapshot!(errors.concat(), @"
    error: `ghcr.io/org/clean:1`: it has no scheme: write `oci://ghcr.io/org/clean:1`
    error: `docker pull org/clean`: it has no scheme: write `oci://docker.io/org/clean`
    error: `oci://org/clean:1`: `org` is not the host of a registry; for Docker Hub write `oci://docker.io/org/clean:1`
    error: `oci://clean`: `clean` is not the host of a registry; for Docker Hub write `oci://docker.io/clean`
    error: `http://example.org/clean.wasm`: plain HTTP is for this machine only: write `https://`
    error: `clean.wasm`: it is not the address of a component: write `oci://REGISTRY/NAME:TAG` or `https://…`
    ");
}

#[test]
fn an_artifact_that_is_no_component_is_named() {
    let image = r#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:0","size":2},"layers":[]}"#;
    let server = Server::new(move |_| response("200 OK", "", image));
    let folder = Folder::new();
    let message = stillbox(&folder, ["pull", &format!("oci://{}/org/clean:1", server.address)]).failed(1);
    insta::assert_snapshot!(message.replace(&server.address.to_string(), "REGISTRY"), @"
    Downloading oci://REGISTRY/org/clean:1
    error: cannot download `oci://REGISTRY/org/clean:1`: it is not a WebAssembly component: it is a container image
      hint: components are pushed by `stillbox push`, or by `wkg oci push`
    ");
}

#[test]
fn a_step_is_inspected_and_piped_by_its_reference() {
    let registry = storing_registry(|_| None);
    let folder = Folder::new();
    let pinned = push(&folder, KEEP_LONG, registry.address);
    let inspected = stillbox(&folder, ["inspect", &format!("oci://{}/org/clean:1", registry.address)]).succeeded();
    assert!(inspected.text().contains("Keeps texts that are long enough."), "{}", inspected.text());
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"one two\"}\n{\"id\":2,\"text\":\" \"}\n");
    let step = format!("{pinned}:min-bytes=3");
    let piped = stillbox(&folder, ["pipe", &step, "--input", "input.jsonl"]).succeeded();
    assert_eq!(piped.text(), "{\"id\":1,\"text\":\"one two\"}\n");
    let printed = stillbox(&folder, ["pipe", &step, "--print"]).succeeded();
    assert!(printed.text().contains(&format!("name = \"clean\"\ncomponent = \"{pinned}\"")), "{}", printed.text());
}

#[test]
fn options_that_take_a_file_say_so_of_a_reference() {
    let folder = Folder::new();
    let reference = "oci://ghcr.io/org/clean:1";
    let errors = [
        stillbox(&folder, ["test", ".", "--component", reference]).failed(2),
        stillbox(&folder, ["replay", "a.bundle", "--component", reference]).failed(2),
        stillbox(&folder, ["build", reference]).failed(2),
    ];
    insta::assert_snapshot!(errors.concat(), @"
    error: `--component` takes a file: download it with `stillbox pull oci://ghcr.io/org/clean:1 --out FILE.wasm`
    error: `--component` takes a file: download it with `stillbox pull oci://ghcr.io/org/clean:1 --out FILE.wasm`
    error: there is no folder `oci://ghcr.io/org/clean:1`
    ");
}

#[test]
fn a_signal_ends_a_pull_whose_server_does_not_answer() {
    for verb in ["pull", "inspect", "push"] {
        let server = Server::raw(|_| std::thread::park());
        let reference = format!("oci://{}/org/clean:1", server.address);
        let folder = Folder::new();
        let mut command = command(&folder);
        command.arg(verb);
        if verb == "push" {
            command.arg(ADD_COLUMN);
        }
        let child = spawn(command.arg(&reference));
        wait_until("the server is asked", || server.open_connections() > 0);
        let sent = Instant::now();
        send(&child, Signal::TERM);
        assert_eq!(crate::harness::end(child), Some(143), "{verb}");
        println!("{verb} ended after {:?}", sent.elapsed());
        assert!(sent.elapsed() < Duration::from_secs(2), "{verb}: {:?}", sent.elapsed());
    }
}

#[test]
fn the_cache_of_downloads_is_shown_and_pruned() {
    let registry = storing_registry(|_| None);
    let folder = Folder::new();
    let pinned = push(&folder, ADD_COLUMN, registry.address);
    stillbox(&folder, ["pull", &pinned]).succeeded();
    folder.write("cache/downloads/mine.wasm", "not a download");
    let shown = stillbox(&folder, ["cache"]).succeeded();
    assert!(shown.text().contains("downloads           2 entries"), "{}", shown.text());
    stillbox(&folder, ["cache", "prune", "--unused-for", "0s"]).succeeded();
    let left: Vec<_> = fs::read_dir(folder.join("cache/downloads")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(left.iter().map(|path| path.file_name()).collect::<Vec<_>>(), [Path::new("mine.wasm").file_name()]);
    stillbox(&folder, ["pull", &pinned]).succeeded();
}
