//! `[[model]]`, `model` of a step, and `--set-model`.

use std::sync::atomic::{AtomicUsize, Ordering};

use stillbox_test_guests::{ADD_COLUMN, ASK};

use super::{answer, answers, ask, asking, model, server, write_prompts};
use crate::harness::{Folder, PipelineFile, Server, ok, outcome, step};

#[test]
fn problems_of_models_are_reported_with_their_place() {
    let folder = Folder::with(&[ASK, ADD_COLUMN]);
    write_prompts(&folder, 0..1);
    let wrong = |text: &str| {
        let table = step("ask").set("model", "\"writer\"");
        folder.run(PipelineFile::new().add(table).toml(text)).failed(2)
    };
    insta::assert_snapshot!(wrong("[[model]]\nname = \"writter\"\nurl = \"ftp://a\"\nmodel = 5\nconcurrency = 0"), @r#"
    error: there is no model "writer"
      --> pipeline.toml:10:9
       |
    10 | model = "writer"
       |         ^^^^^^^^
       |
       = help: did you mean "writter"?
       = help: the models are writter

    error: the model cannot be used: `url` does not start with `http://` or `https://`
      --> pipeline.toml:17:7
       |
    17 | url = "ftp://a"
       |       ^^^^^^^^^
       |
       = help: write `url` as "https://api.openai.com/v1"

    error: `model` in [[model]] is an integer, not a string
      --> pipeline.toml:18:9
       |
    18 | model = 5
       |         ^ expected a string

    error: `concurrency` in [[model]] is 0, which is out of range
      --> pipeline.toml:19:15
       |
    19 | concurrency = 0
       |               ^ expected an integer from 1 to 1024
       |
       = help: give an integer from 1 to 1024
    "#);
    insta::assert_snapshot!(wrong("[[model]]\nname = \"reader\"\nurl = \"http://localhost/v1\"\nmodel = \"m\"\nkey = \"none\"\nbudget = { cost = 1 }"), @r#"
    error: there is no model "writer"
      --> pipeline.toml:10:9
       |
    10 | model = "writer"
       |         ^^^^^^^^
       |
       = help: the models are reader

    error: model "reader" has a budget for its cost, but no price
      --> pipeline.toml:15:1
       |
    15 | [[model]]
       | ^^^^^^^^^
       |
       = help: add `price = { input = 0.15, output = 0.60 }`: for a million tokens

    error: there is no secret "none" in [secrets]
      --> pipeline.toml:15:1
       |
    15 | [[model]]
       | ^^^^^^^^^
       |
       = help: add [secrets] with a line such as `none = { env = "API_KEY" }`
    "#);
    let server = Server::new(|_| ok("never"));
    let without = folder.run(PipelineFile::new().add(step("ask")).toml(&model(&server, ""))).failed(2);
    assert!(without.contains("step \"ask\" asks a model and has none"), "{without}");
    folder.write("input.jsonl", "{\"text\": \"a\"}\n");
    let needless = step("add_column").set("model", "\"writer\"");
    let needless = folder.run(PipelineFile::new().add(needless).toml(&model(&server, ""))).failed(2);
    assert!(needless.contains("step \"add_column\" has a model and asks none"), "{needless}");
}

#[test]
fn a_model_is_set_on_the_command_line() {
    let server = server(|_| answer("fine"));
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..2);
    let other = "[[model]]\nname = \"writer\"\nurl = \"http://192.0.2.1/v1\"\nmodel = \"small\"";
    folder.write_pipeline(PipelineFile::new().add(ask()).toml(other));
    let url = format!("writer.url={}", server.url("/other"));
    folder.stillbox(["run", "pipeline.toml", "--set-model", &url, "--set-model", "writer.model=4"]).succeeded();
    assert_eq!(answers(&folder).len(), 2);
    let request = &server.requests()[0];
    assert_eq!(request.path(), "/other/chat/completions");
    assert!(String::from_utf8_lossy(&request.body).contains("\"model\":\"4\""));
    let wrong = ["writer.colour=red", "writer", "reader.url=x", "writer.concurrency=many", "writer.url=nothing"];
    let mut messages = String::new();
    for wrong in wrong {
        messages.push_str(&folder.stillbox(["run", "pipeline.toml", "--set-model", wrong]).failed(2));
    }
    insta::assert_snapshot!(messages, @r#"
    error: a model has no setting `colour`
    --> --set-model writer.colour=red
     = help: the settings are url, model, key, concurrency, requests-per-minute, tokens-per-minute, time, retries, give-up-after, corrections and batch
    error: there is no `=` in it
    --> --set-model writer
     = help: write it as MODEL.KEY=VALUE, such as writer.url=http://localhost:8000/v1
    error: there is no model "reader"
    --> --set-model reader.url=x
     = help: the models are writer
    error: `concurrency` is a string, not an integer
    --> --set-model writer.concurrency=many
    error: the model cannot be used: `url` is not a URL
    --> --set-model writer.url=nothing
    "#);
}

#[test]
fn a_key_on_the_command_line_is_a_secret_of_the_file() {
    let server = server(|_| answer("fine"));
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..1);
    folder.write_pipeline(asking(&server, ""));
    let errors = folder.stillbox(["check", "pipeline.toml", "--probe", "--set-model", "writer.key=nosuch"]).failed(2);
    assert!(
        errors.contains("the key of model \"writer\" is the secret \"nosuch\", which [secrets] does not have"),
        "{errors}"
    );
    assert!(server.requests().is_empty());
}

#[test]
fn a_model_that_is_not_public_has_to_be_listed() {
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..1);
    // A name of a private address, which no server has to resolve.
    let hosts = "[[model]]\nname = \"writer\"\nurl = \"http://10.0.0.1.nip.io.invalid/v1\"\nmodel = \"m\"\ngive-up-after = \"1ms\"";
    folder.run(PipelineFile::new().add(ask()).toml(hosts)).failed(1);
    let server = server(|_| answer("fine"));
    let localhost =
        format!("[[model]]\nname = \"writer\"\nurl = \"http://localhost:{}/v1\"\nmodel = \"m\"", server.address.port());
    folder.run(PipelineFile::new().add(ask()).toml(&localhost)).succeeded();
}

#[test]
fn a_policy_has_to_permit_the_server_of_a_model() {
    let server = server(|_| answer("fine"));
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..1);
    folder.write("none.toml", "allow = {}\n");
    let printed = folder.run_with(asking(&server, ""), ["--policy", "none.toml"]).failed(2);
    assert!(printed.contains("the policy does not permit model \"writer\""), "{printed}");
    let url = server.url("/");
    folder.write("policy.toml", format!("[[allow.http]]\nurl = {url:?}\nmethods = [\"POST\"]\n"));
    folder.run_with(asking(&server, ""), ["--policy", "policy.toml"]).succeeded();
}

#[test]
fn the_key_of_a_model_is_in_no_file_and_no_answer() {
    let asked = AtomicUsize::new(0);
    let server = Server::new(move |request| {
        let key = request.header("authorization").unwrap_or_default().to_owned();
        match asked.fetch_add(1, Ordering::SeqCst) {
            0 => super::error("400 Bad Request", "", &format!("wrong key: {key}")),
            1 => {
                let escaped: String = key.chars().map(|char| format!("\\u{:04x}", u32::from(char))).collect();
                let message = format!("{{\"content\": \"{escaped}\"}}");
                ok(&format!("{{\"choices\": [{{\"message\": {message}, \"finish_reason\": \"stop\"}}]}}"))
            }
            _ => answer(&key),
        }
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..3);
    let secrets = "[secrets]\nexample = { env = \"EXAMPLE_KEY\" }";
    let pipeline = asking(&server, "key = \"example\"\nconcurrency = 1").toml(secrets);
    folder.write_pipeline(pipeline);
    let key = "key-0123456789abcdef";
    let mut command = folder.command();
    command.env("EXAMPLE_KEY", key).args(["run", "pipeline.toml", "--failures", "failures.jsonl", "-v"]);
    let outcome = outcome(&mut command);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(server.requests()[0].header("authorization"), Some(format!("Bearer {key}").as_str()));
    assert!(!outcome.stderr.contains(key));
    for name in ["output.jsonl", "rejects.jsonl", "failures.jsonl"] {
        assert!(!folder.text(name).contains(key), "{name}");
    }
}
