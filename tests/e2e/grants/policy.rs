//! A policy file bounds the grants of all pipelines, and grants nothing.

use stillbox_test_guests::{ADD_COLUMN, FETCH};

use super::{column, fetch, write_urls};
use crate::harness::{Folder, PipelineFile, Server, ok, outcome, step};

#[test]
fn a_pipeline_within_the_policy_runs_and_others_do_not() {
    let server = Server::new(|_| ok("fine"));
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/v1/a")]);
    let address = server.address;
    let policy = |text: &str| {
        folder.write("policy.toml", text);
        folder.stillbox(["run", "pipeline.toml", "--policy", "policy.toml"])
    };
    folder.write_pipeline(PipelineFile::new().add(fetch().allow_http(&server.url("/v1/"), "")));
    policy(&format!("[[allow.http]]\nurl = \"http://{address}/\"")).succeeded();
    assert_eq!(column(&folder, "answer"), ["fine"]);
    for (text, expected) in [
        ("allow = {}".into(), "no URL of the policy contains it"),
        (format!("[[allow.http]]\nurl = \"http://{address}/v1/a\""), "no URL of the policy contains it"),
        (format!("[[allow.http]]\nurl = \"http://{address}/\"\nmethods = [\"POST\"]"), "does not permit GET there"),
        (String::new(), "the policy has no `allow`"),
        ("[allow]\nhttps = 1".into(), "unknown key `https`"),
    ] {
        let message = policy(&text).failed(2);
        assert!(message.contains(expected), "{text}: {message}");
    }
    let message = folder.stillbox(["check", "pipeline.toml", "--policy", "none.toml"]).failed(2);
    assert!(message.contains("cannot read the policy file `none.toml`"), "{message}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_policy_bounds_the_options_and_lowers_limits() {
    let server = Server::new(|_| ok("fine"));
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/"), server.url("/")]);
    folder.write_pipeline(PipelineFile::new().add(fetch()));
    folder.write("policy.toml", format!("[[allow.http]]\nurl = {:?}\nlimits = {{ requests = 1 }}", server.url("/")));
    let run = |url: &str| {
        let mut command = folder.command();
        command.args(["run", "pipeline.toml", "--allow-http", url]).env("STILLBOX_POLICY", "policy.toml");
        outcome(&mut command)
    };
    let message = run("http://127.0.0.1:1/").failed(2);
    assert!(message.contains("no URL of the policy contains it"), "{message}");
    let message = run(&server.url("/")).failed(1);
    assert!(message.contains("its limit `requests`"), "{message}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_check_shows_what_is_granted_missing_and_unused() {
    let folder = Folder::with(&[FETCH, ADD_COLUMN]);
    write_urls(&folder, &["https://example.org/".into()]);
    folder.write("data/a.txt", "a");
    let granted = fetch()
        .allow_http("https://*.example.org/v1/", "methods = [\"GET\", \"POST\"]")
        .allow_dir("data", "")
        .table("[step.allow.env]\nMODE = \"fast\"\nPATH = { env = \"PATH\" }");
    let unused = step("add_column").name("unused").allow_http("https://example.org/", "");
    let pipeline = PipelineFile::new().add(granted).add(fetch().name("missing")).add(unused);
    folder.write_pipeline(pipeline);
    folder.write("input.jsonl", "{\"url\":\"https://example.org/\",\"text\":\"a\",\"id\":1}\n");
    let tree = folder.stillbox(["check", "pipeline.toml"]).succeeded();
    let lines: Vec<&str> = tree.text().lines().filter(|line| line.contains(" granted ")).collect();
    insta::assert_snapshot!(lines.join("\n"), @"
    │ granted GET, POST https://*.example.org/v1/
    │ granted reading data at /data (unused: the component does not import it)
    │ granted the variable MODE
    │ granted the variable PATH of the host as PATH
    │ imports requests by HTTP, and is not granted any
    │ granted GET https://example.org/ (unused: the component does not import it)
    ");
    let graph = folder.stillbox(["check", "pipeline.toml", "--json"]).succeeded().json();
    assert_eq!(graph["nodes"][2]["role"]["step"]["missing"][0], "requests by HTTP", "{graph}");
}
