//! `--untrusted`: pipelines that nobody vouches for.

use stillbox_test_guests::{ADD_COLUMN, ASK, BAD_MEMORY_STEPS, BAD_SLEEP, FETCH};

use crate::harness::{Folder, PipelineFile, Server, ok, step};

/// A folder with a locked pipeline.
fn locked(guest: &str, pipeline: &PipelineFile) -> Folder {
    let folder = Folder::with(&[guest]);
    folder.write("input.jsonl", "{\"id\":3,\"text\":\"a\"}\n");
    folder.write_pipeline(pipeline);
    folder.stillbox(["lock", "pipeline.toml"]).succeeded();
    folder
}

#[test]
fn an_untrusted_pipeline_runs_locked_components_only() {
    let folder = locked(ADD_COLUMN, &PipelineFile::new().add(step("add_column")));
    folder.stillbox(["run", "pipeline.toml", "--untrusted"]).succeeded();
    std::fs::remove_file(folder.join("stillbox.lock")).expect("it was written");
    let message = folder.stillbox(["run", "pipeline.toml", "--untrusted"]).failed(2);
    assert!(message.contains("there is no lock"), "{message}");
    folder.write("broken/Cargo.toml", "[workspace]\n");
    folder.write("stillbox.lock", "version = 1\n");
    let pipeline = PipelineFile::new().add(crate::harness::component_step("broken", "broken"));
    let message = folder.run_with(pipeline, ["--untrusted"]).failed(2);
    assert!(message.contains("`--no-build` rejects folders"), "{message}");
}

#[test]
fn an_untrusted_pipeline_is_granted_nothing_whatever_its_file_says() {
    let server = Server::new(|_| ok("never"));
    let header = "secret = { header = \"authorization\", value = \"Bearer {key}\" }";
    let grant = format!("{header}\naddresses = [\"{}\"]", server.address);
    let pipeline = PipelineFile::new().add(step("fetch").allow_http(&server.url("/"), &grant));
    let folder = Folder::with(&[FETCH]);
    folder.write("key", "0123456789");
    folder.write("input.jsonl", format!("{{\"url\":\"{}\"}}\n", server.url("/a")));
    folder.write_pipeline(pipeline.toml("[secrets]\nkey = { file = \"key\" }"));
    folder.stillbox(["lock", "pipeline.toml"]).succeeded();
    let message = folder.stillbox(["run", "pipeline.toml", "--untrusted"]).failed(1);
    assert!(message.starts_with("denied in step fetch: "), "{message}");
    assert_eq!(server.connections(), 0);
    let conflict =
        folder.stillbox(["run", "pipeline.toml", "--untrusted", "--allow-http", "https://a.example/"]).failed(2);
    assert!(conflict.contains("cannot be used with"), "{conflict}");
}

#[test]
fn limits_of_an_untrusted_pipeline_are_lowered_and_smaller_ones_stay() {
    let folder =
        locked(BAD_MEMORY_STEPS, &PipelineFile::new().add(step("bad_memory_steps").limits("memory = \"4GiB\"")));
    let message = folder.stillbox(["run", "pipeline.toml", "--untrusted"]).failed(1);
    assert!(message.contains("limit: memory = 128MiB"), "{message}");
    assert!(message.contains("stillbox replay stillbox-bundles/") && folder.contains("stillbox-bundles"), "{message}");
    let folder = locked(BAD_SLEEP, &PipelineFile::new().time("1h").add(step("bad_sleep").limits("time = \"200ms\"")));
    let message = folder.stillbox(["run", "pipeline.toml", "--untrusted"]).failed(1);
    assert!(message.contains("limit: time = 200ms"), "{message}");
    folder.stillbox(["run", "pipeline.toml", "--untrusted", "--time", "100ms"]).failed(124);
}

#[test]
fn a_step_that_asks_models_cannot_be_run_untrusted() {
    let ask = step("ask").set("model", "\"writer\"");
    let model = "[[model]]\nname = \"writer\"\nurl = \"http://localhost:1/v1\"\nmodel = \"small\"";
    let folder = Folder::with(&[ASK]);
    folder.write("input.jsonl", "{\"prompt\":\"a\"}\n");
    folder.write_pipeline(PipelineFile::new().add(ask).toml(model));
    folder.stillbox(["lock", "pipeline.toml"]).succeeded();
    let message = folder.stillbox(["run", "pipeline.toml", "--untrusted"]).failed(2);
    assert!(
        message.contains("step \"ask\" asks a model, and `--untrusted` takes models and grants away from all steps"),
        "{message}"
    );
}
