//! Secrets reach the server, and nothing else.

use std::fs;
use std::path::Path;

use stillbox_test_guests::{FETCH, LOOK_AROUND, REPEAT_SECRET};

use super::{column, fetch, rejecting, write_urls};
use crate::harness::{Folder, Outcome, PipelineFile, Server, outcome, response};

const SECRET: &str = "s3cr3t/+key~42=";
const SECRETS: &str = "[secrets]\nexample = { env = \"EXAMPLE_KEY\" }";
const HEADER: &str =
    "secret = { header = \"authorization\", value = \"Bearer {example}\" }\nmethods = [\"GET\", \"POST\"]";

/// Runs the pipeline with the secret in the environment and a log of everything.
fn run(folder: &Folder, pipeline: PipelineFile, arguments: &[&str]) -> Outcome {
    folder.write_pipeline(pipeline.toml(SECRETS));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "-vv"]).args(arguments).env("EXAMPLE_KEY", SECRET).env("RUST_LOG", "trace");
    outcome(&mut command)
}

/// Every text that stands for the secret.
fn forms() -> Vec<String> {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") },
            )
            .collect()
    };
    // The base64 of the secret, of the secret after a user name, and of the header, without their ends.
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    let base64 = ["czNjcjN0LytrZXl+NDI", "M2NyM3QvK2tleX40Mj", "zM2NyM3QvK2tleX40Mj"];
    let mut forms = vec![SECRET.to_owned(), encode(SECRET), encode(SECRET).to_lowercase(), SECRET.replace('/', "\\/")];
    forms.extend([hex.to_uppercase(), hex]);
    forms.extend(base64.map(str::to_owned));
    forms
}

/// Fails if any file below a folder contains the secret.
fn hunt(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            hunt(&path);
        } else if metadata.is_file() {
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            for form in forms() {
                assert!(!text.contains(&form), "{} contains {form}", path.display());
            }
        }
    }
}

#[test]
fn a_secret_is_added_to_the_request_and_is_nowhere_else() {
    // The server returns the secret in every way that it can.
    let server = Server::new(|request| {
        let authorization = request.header("authorization").unwrap_or("nothing").to_owned();
        let encoded: String = SECRET
            .bytes()
            .map(
                |byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") },
            )
            .collect();
        let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
        let escaped = SECRET.replace('/', "\\/");
        let body = format!("{authorization} {encoded} czNjcjN0LytrZXl+NDI9 \"{escaped}\" {hex}");
        let headers = format!("x-echo: {authorization}\r\nset-cookie: key={SECRET}\r\nx-{hex}: name\r\n");
        match request.path() {
            "/ok" => response("200 OK", &headers, &body),
            "/chunked" => {
                let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                let chunks: String = body.chars().map(|c| format!("{:x}\r\n{c}\r\n", c.len_utf8())).collect();
                format!("{head}{chunks}0\r\nx-trailer: {SECRET}\r\n\r\n").into_bytes()
            }
            _ => response("500 Internal Server Error", &headers, &body),
        }
    });
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &["/ok", "/chunked", "/error"].map(|path| server.url(path)));
    let pipeline = rejecting(fetch().allow_http(&server.url("/"), HEADER));
    let arguments = ["--failures", "failures.jsonl", "--message-format", "json"];
    let outcome = run(&folder, pipeline, &arguments).succeeded();
    // It got there.
    let bearer = format!("Bearer {SECRET}");
    assert!(server.requests().iter().all(|request| request.header("authorization") == Some(&bearer)));
    // A response keeps its length.
    assert_eq!(column(&folder, "answer")[0].find('*'), Some("Bearer ".len()));
    assert!(column(&folder, "answer")[0].starts_with(&format!("Bearer {} ", "*".repeat(SECRET.len()))));
    assert!(column(&folder, "answer")[1].starts_with(&format!("Bearer {} ", "*".repeat(SECRET.len()))));
    hunt(folder.path());
    hunt(folder.state());
    for form in forms() {
        assert!(!outcome.stderr.contains(&form), "{}", outcome.stderr);
        assert!(!outcome.text().contains(&form), "{}", outcome.text());
    }
}

/// Stored responses are those that the step has seen.
#[test]
fn stored_responses_do_not_contain_the_secret() {
    let server = Server::new(|request| response("200 OK", "", request.header("authorization").unwrap_or_default()));
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/")]);
    let table = || fetch().table("cache = \"responses\"").allow_http(&server.url("/"), HEADER);
    for _ in 0..2 {
        run(&folder, PipelineFile::new().add(table()), &["--cache-dir", "cache"]).succeeded();
        assert_eq!(column(&folder, "answer"), [format!("Bearer {}", "*".repeat(SECRET.len()))]);
        hunt(folder.path());
        hunt(folder.state());
    }
    assert_eq!(server.requests().len(), 1);
    assert!(folder.join("cache/outputs").is_dir());
}

/// The host removes it from all that it writes, also if it does not come from the host.
#[test]
fn a_secret_that_a_step_has_learned_is_in_no_record() {
    let folder = Folder::with(&[REPEAT_SECRET]);
    let reversed: String = SECRET.chars().rev().collect();
    let table = |policy: &str| {
        let table = crate::harness::step("repeat_secret").allow_http("http://127.0.0.1:1/", HEADER);
        table.on_failure(policy)
    };
    for place in ["none", "message", "cause", "hint", "transient", "panic", "location", "exit"] {
        folder.write("input.jsonl", format!("{}\n", serde_json::json!({ "place": place, "reversed": reversed })));
        for policy in ["reject", "stop"] {
            let pipeline = PipelineFile::new().add(table(policy)).rejects();
            let outcome = run(&folder, pipeline, &["--failures", "failures.jsonl", "--message-format", "json"]);
            let has_failed = place != "none" && policy == "stop";
            assert_eq!(outcome.code, Some(i32::from(has_failed)), "{place}: {}", outcome.stderr);
            if has_failed {
                assert!(folder.text("failures.jsonl").contains("[redacted]"), "{}", folder.text("failures.jsonl"));
            }
            hunt(folder.path());
            hunt(folder.state());
            assert!(!outcome.stderr.contains(SECRET), "{place}: {}", outcome.stderr);
            assert!(!outcome.text().contains(SECRET), "{place}: {}", outcome.text());
        }
        let pipeline = PipelineFile::new().add(table("stop")).rejects();
        let stderr = run(&folder, pipeline, &["--show-output"]).stderr;
        assert!(stderr.contains("[repeat_secret, batch 0] stdout: printed [redacted]\n"), "{place}: {stderr}");
        assert!(!stderr.contains(SECRET), "{place}: {stderr}");
    }
}

/// The address of the server does not accept connections, so all errors come from the host.
#[test]
fn errors_of_the_host_do_not_contain_the_secret() {
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &["http://127.0.0.1:1/?key=0123456789".into()]);
    let pipeline = PipelineFile::new().add(fetch().allow_http("http://127.0.0.1:1/", HEADER));
    let outcome = run(&folder, pipeline, &["--failures", "failures.jsonl"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("the connection was refused"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("0123456789"), "{}", outcome.stderr);
    for form in forms() {
        assert!(!outcome.stderr.contains(&form), "{}", outcome.stderr);
    }
    hunt(folder.path());
    hunt(folder.state());
}

#[test]
fn a_step_cannot_set_or_see_the_header_of_a_secret() {
    let server = Server::new(|_| response("200 OK", "authorization: from the server\r\n", "fine"));
    let folder = Folder::with(&[FETCH]);
    let row = |header: &str| serde_json::json!({ "url": server.url("/"), "header": header }).to_string() + "\n";
    folder.write("input.jsonl", row("Authorization: Bearer own") + &row("x-own: 1"));
    run(&folder, rejecting(fetch().allow_http(&server.url("/"), HEADER)), &[]).succeeded();
    assert!(super::rejects(&folder)[0].1.contains("may not set the header"), "{:?}", super::rejects(&folder));
    assert!(!column(&folder, "headers")[0].contains("from the server"));
}

#[test]
fn a_secret_is_only_sent_to_the_url_of_its_grant() {
    let server = Server::new(|_| response("200 OK", "", "fine"));
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/with/"), server.url("/without/")]);
    let table = fetch().allow_http(&server.url("/with/"), HEADER).allow_http(&server.url("/without/"), "");
    run(&folder, PipelineFile::new().add(table), &[]).succeeded();
    let sent: Vec<bool> = server.requests().iter().map(|request| request.header("authorization").is_some()).collect();
    assert_eq!(sent, [true, false]);
}

#[test]
fn problems_of_secrets_are_reported_without_their_value() {
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &["http://127.0.0.1:1/".into()]);
    let table = || fetch().allow_http("http://127.0.0.1:1/", HEADER);
    let run = |secrets: &str| {
        folder.write("key", "short");
        folder.run(PipelineFile::new().add(table()).toml(secrets)).failed(2)
    };
    for (secrets, expected) in [
        ("", "there is no secret \"example\" in [secrets]"),
        ("[secrets]\nexampel = { env = \"X\" }", "did you mean \"exampel\"?"),
        ("[secrets]\nexample = { env = \"NOT_SET_ANYWHERE\" }", "the environment variable NOT_SET_ANYWHERE is not set"),
        ("[secrets]\nexample = { file = \"none\" }", "cannot read none"),
        ("[secrets]\nexample = { file = \"key\" }", "shorter than 8 bytes"),
        ("[secrets]\nexample = \"0123456789\"", "a pipeline file never contains the value of a secret"),
    ] {
        let message = run(secrets);
        assert!(message.contains(expected), "{secrets}: {message}");
    }
}

#[test]
fn the_environment_of_a_step_does_not_have_the_secret() {
    let folder = Folder::with(&[LOOK_AROUND]);
    folder.write("input.jsonl", "{\"path\":\"/\",\"address\":\"127.0.0.1:1\"}\n");
    let table = crate::harness::step("look_around").allow_http("http://127.0.0.1:1/", HEADER);
    run(&folder, PipelineFile::new().add(table), &[]).succeeded();
    assert_eq!(column(&folder, "variables"), ["0"]);
}
