//! Requests, tokens and cost in events, in the summary and in reports.

use std::process::Stdio;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use serde_json::json;
use stillbox_test_guests::ASK;

use super::{answer, asking, error, server, write_prompts};
use crate::harness::schemas::assert_is_event;
use crate::harness::{Events, Folder, end, spawn};

#[test]
fn events_have_the_requests_of_a_batch_that_still_waits() {
    let (release, held) = channel::<()>();
    let held = Mutex::new(held);
    let server = server(move |prompt| {
        if prompt == "2" {
            held.lock().unwrap().recv().unwrap();
        }
        answer("fine")
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..3);
    folder.write_pipeline(asking(&server, "price = { input = 1.0, output = 2.0 }"));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--message-format", "json"]).stdout(Stdio::piped());
    let mut child = spawn(&mut command);
    let mut events = Events::new(&mut child);
    // Two of three requests of the only batch are answered.
    let waiting = events.find(|event| event["event"] == "progress" && event["models"][0]["output_tokens"] == 4);
    let waiting = waiting.expect("the run does not end while the server holds a request");
    assert_is_event(&waiting);
    let model = &waiting["models"][0];
    assert_eq!((&model["name"], &model["requests"], &model["input_tokens"]), (&json!("writer"), &json!(3), &json!(20)));
    assert_eq!(model["cost"], 28e-6);
    release.send(()).unwrap();
    let last = events.wait_for("finished").pop().unwrap();
    assert_is_event(&last);
    assert_eq!(last["report"]["models"][0]["output_tokens"], 6);
    assert_eq!(end(child), Some(0));
}

#[test]
fn the_html_report_has_a_table_of_models() {
    let server = server(|prompt| match prompt {
        "bad" => error("400 Bad Request", "", "no"),
        _ => answer("fine"),
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, ["a", "bad", "b"]);
    let price = "price = { input = 1000.0, output = 2000.0 }";
    folder.run_with(asking(&server, price), ["--report", "report.html"]).succeeded();
    let page = folder.text("report.html");
    assert!(page.contains("<h2>Models</h2>"), "{page}");
    let row = "<tr><td>writer</td><td>3</td><td>0</td><td>0</td><td>20</td><td>4</td><td>0.0280</td>";
    assert!(page.contains(row), "{page}");
    folder.run_with(asking(&server, ""), ["--report", "report.html"]).succeeded();
    assert!(folder.text("report.html").contains("<td>no price</td>"));
}
