//! The requests that reach the server, and the answers that the step gets.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use stillbox_test_guests::{ASK, ASK_TWICE, EMBED_TEXTS};

use super::{answer, answers, ask, asking, finished, model, prompt, rejected, rejecting, server, write_prompts};
use crate::harness::{Folder, PipelineFile, Server, ok, step};

#[test]
fn each_row_gets_the_answer_to_its_own_prompt() {
    let server = server(|prompt| answer(&format!("to {prompt}")));
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..250);
    let body = "body = { top_k = 20, temperature = 0.5 }";
    let summary = folder.run(asking(&server, body).batch_rows(100)).succeeded().stderr;
    let expected = (0..250).map(|id| (id.to_string(), format!("to {id}"))).collect();
    assert_eq!(answers(&folder), expected);
    assert!(summary.contains("model writer: 250 requests, 2,500 tokens in, 500 out"), "{summary}");
    let request = &server.requests()[0];
    assert_eq!(request.path(), "/v1/chat/completions");
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&body["model"], &body["top_k"], &body["temperature"]), (&json!("small"), &json!(20), &json!(0.5)));
    assert!(server.connections() <= 40, "{} connections", server.connections());
}

#[test]
fn requests_of_rows_that_wait_are_sent_together() {
    let server = Server::new(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        answer(&format!("{} of {}", prompt(&body), body["messages"][0]["content"].as_str().unwrap()))
    });
    let folder = Folder::with(&[ASK_TWICE]);
    write_prompts(&folder, 0..100);
    folder.run(rejecting(step("ask_twice").set("model", "\"writer\""), &server, "")).succeeded();
    let expected = (0..100).map(|id| (id.to_string(), format!("again of {id}"))).collect();
    assert_eq!(answers(&folder), expected);
    assert_eq!(server.requests().len(), 200);
    assert!(server.connections() > 1, "the requests were sent one after the other");
}

#[test]
fn an_error_of_a_request_that_was_sent_with_others_has_its_own_place() {
    let server = server(|_| super::error("400 Bad Request", "", "no"));
    let folder = Folder::with(&[ASK_TWICE]);
    write_prompts(&folder, ["twice", "once", "twice again"]);
    folder.run(rejecting(step("ask_twice").set("model", "\"writer\""), &server, "")).succeeded();
    let rejects = folder.json_lines("rejects.jsonl");
    let lines: Vec<_> = rejects.iter().map(|reject| reject["failure"]["location"]["line"].as_u64().unwrap()).collect();
    assert_eq!(lines[0], lines[2]);
    assert_ne!(lines[0], lines[1]);
}

#[test]
fn a_text_that_the_server_rejects_costs_no_other_embedding() {
    let server = Server::new(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let texts: Vec<&str> = body["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        if texts.contains(&"13") {
            return super::error("400 Bad Request", "", "unlucky");
        }
        let data = texts.iter().enumerate().rev();
        let data: Vec<_> = data
            .map(|(index, text)| json!({ "index": index, "embedding": [text.parse::<f32>().unwrap(), 0.5] }))
            .collect();
        ok(&json!({ "data": data, "usage": { "prompt_tokens": 7 } }).to_string())
    });
    let folder = Folder::with(&[EMBED_TEXTS]);
    let rows: String = (0..200).map(|id| format!("{}\n", json!({ "text": id.to_string() }))).collect();
    folder.write("input.jsonl", rows);
    folder.run(rejecting(step("embed_texts").set("model", "\"writer\""), &server, "")).succeeded();
    let vectors: Vec<Value> = folder.json_lines("output.jsonl").iter().map(|row| row["vector"].clone()).collect();
    let expected: Vec<Value> = (0..200).filter(|id| *id != 13).map(|id| json!([f64::from(id), 0.5])).collect();
    assert_eq!(vectors, expected);
    let rejects = folder.json_lines("rejects.jsonl");
    assert_eq!(rejects.len(), 1);
    assert_eq!(rejects[0]["row"]["text"], "13");
}

#[test]
fn an_answer_that_does_not_match_its_schema_is_corrected_or_rejected() {
    let tries = AtomicUsize::new(0);
    let server = Server::new(move |request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["response_format"]["json_schema"]["strict"], true);
        match body["messages"][0]["content"].as_str().unwrap() {
            "good" => answer("{\"score\": 3}"),
            "fenced" => answer("```json\n{\"score\": 4}\n```"),
            "late" if tries.fetch_add(1, Ordering::SeqCst) == 0 => answer("I would say 5."),
            "late" => answer("{\"score\": 5}"),
            _ => answer("{\"score\": 7}"),
        }
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, ["good", "fenced", "late", "never"]);
    let schema = "{\"type\":\"object\",\"required\":[\"score\"],\"properties\":{\"score\":{\"type\":\"integer\",\"maximum\":5}}}";
    let table = ask().parameters(format_args!("schema = '{schema}'"));
    folder.run(rejecting(table, &server, "corrections = 1")).succeeded();
    let expected = [("fenced", "{\"score\": 4}"), ("good", "{\"score\": 3}"), ("late", "{\"score\": 5}")];
    let expected = expected.map(|(prompt, answer)| (prompt.to_owned(), answer.to_owned()));
    assert_eq!(answers(&folder).into_iter().collect::<Vec<_>>(), expected);
    let [(prompt, message)] = &rejected(&folder)[..] else { panic!("one row is rejected") };
    assert_eq!(prompt, "never");
    assert_eq!(
        message,
        "the answer does not match its schema after 1 correction: at /score: 7 is greater than the maximum of 5"
    );
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn answers_that_are_not_complete_reject_their_rows() {
    let server = server(|prompt| match prompt {
        "long" => finished("and so on", "length"),
        "filtered" => finished("", "content_filter"),
        "refused" => ok(&json!({ "choices": [{ "message": { "content": null, "refusal": "No." } }] }).to_string()),
        _ => answer("fine"),
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, ["long", "filtered", "refused", "good"]);
    folder.run(asking(&server, "")).succeeded();
    assert_eq!(answers(&folder).len(), 1);
    let messages: Vec<String> = rejected(&folder).into_iter().map(|(_, message)| message).collect();
    let expected = [
        "the answer was cut off after 2 tokens",
        "the server's content filter removed the answer",
        "the model refused: No.",
    ];
    assert_eq!(messages, expected);
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn waiting_for_a_model_is_not_time_of_the_step() {
    let server = server(|_| {
        std::thread::sleep(std::time::Duration::from_millis(300));
        answer("late")
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, ["one"]);
    let table = ask().limits("time = \"100ms\"");
    folder.run(PipelineFile::new().add(table).toml(&model(&server, ""))).succeeded();
    assert_eq!(answers(&folder)["one"], "late");
}
