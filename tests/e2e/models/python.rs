//! Models of steps in Python.

use std::path::Path;

use serde_json::{Value, json};

use super::{answer, error, finished, model, prompt, rejected, rejecting};
use crate::harness::{Folder, ROOT, Server, Table, component_step, ok, python};

fn python_step(name: &str) -> Table {
    component_step(name, &python::component(&Path::new(ROOT).join("tests/python").join(name)))
}

/// A server that refuses some prompts, and embeds texts by their length.
fn server() -> Server {
    Server::new(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        if request.path() == "/v1/embeddings" {
            let texts = body["input"].as_array().unwrap();
            if texts.contains(&json!("forbidden")) {
                return error("400 Bad Request", "", "not this text");
            }
            let data: Vec<_> =
                texts.iter().map(|text| json!({ "embedding": [text.as_str().unwrap().len(), 0.5] })).collect();
            return ok(&json!({ "data": data }).to_string());
        }
        match &*prompt(&body) {
            "forbidden" => error("400 Bad Request", "", "not this prompt"),
            "long" => finished("and so on", "length"),
            "Good?" => answer(&format!("{} is good", body["messages"][1]["content"].as_str().unwrap())),
            _ if request.path() == "/v1/completions" => {
                ok(&json!({ "choices": [{ "text": format!("{} after", body["prompt"].as_str().unwrap()) }] })
                    .to_string())
            }
            "" => answer(&body["messages"][0]["content"][1]["image_url"]["url"].to_string()),
            prompt => answer(&format!("to {prompt} by {}", body["model"].as_str().unwrap())),
        }
    })
}

#[test]
fn a_batch_of_a_python_step_gets_typed_answers_and_a_refused_request_costs_its_row_alone() {
    let server = Server::new(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["messages"][0]["content"], "Score the French of the text from 1 to 5.");
        match &*prompt(&body) {
            "13" => error("400 Bad Request", "", "unlucky"),
            "17" => answer("{\"score\": 17}"),
            text => answer(&json!({ "score": text.parse::<u64>().unwrap() % 5, "reason": "ü" }).to_string()),
        }
    });
    let folder = Folder::new();
    folder.write("input.jsonl", (0..100).map(|id| format!("{{\"text\":\"{id}\"}}\n")).collect::<String>());
    let step = python_step("ask-model").parameters("language = \"French\"").set("model", "\"writer\"");
    let summary = folder.run(rejecting(step, &server, "corrections = 0").batch_rows(50)).succeeded().stderr;
    assert!(summary.contains("model writer: 100 requests, 990 tokens in, 198 out"), "{summary}");
    let expected: Vec<Value> = (0..100)
        .filter(|id| ![13, 17].contains(id))
        .map(|id| json!({ "text": id.to_string(), "score": id % 5, "reason": "ü", "output_tokens": 2 }))
        .collect();
    assert_eq!(folder.json_lines("output.jsonl"), expected);
    let rejects = folder.json_lines("rejects.jsonl");
    let rejects: Vec<_> = rejects.iter().map(|one| (&one["row"]["text"], &one["failure"])).collect();
    let [(first, refused), (second, wrong)] = rejects[..] else { panic!("two rows are rejected: {rejects:?}") };
    assert_eq!((first, second), (&json!("13"), &json!("17")));
    assert_eq!(refused["message"], "the server rejects the request: status 400 Bad Request: unlucky");
    assert_eq!(refused["location"]["file"], "ask_model.py");
    assert!(wrong["message"].as_str().unwrap().starts_with("the answer does not match its schema"), "{wrong}");
    assert_eq!(wrong["causes"], json!(["the answer: {\"score\": 17}"]));
}

#[test]
fn an_async_python_step_asks_models_in_every_way() {
    let server = server();
    let folder = Folder::new();
    let rows = [
        ("one", "a", "to a by small"),
        ("judge", "b", "to b by small is good"),
        (
            "each",
            "c",
            "to c by small | InputError the server rejects the request: status 400 Bad Request: not this prompt | to c by small",
        ),
        ("gather", "d", "to d by small | slept | to d by critic-1"),
        ("completion", "e", "e after"),
        ("image", "f", "\"data:image/png;base64,iVBORw==\""),
        ("embed", "four", "[4.0, 0.5] | the server rejects the request: status 400 Bad Request: not this text"),
    ];
    let refused = [
        ("one", "long", "the answer was cut off after 2 tokens"),
        ("one", "forbidden", "the server rejects the request: status 400 Bad Request: not this prompt"),
        ("surrogate", "", "a text of the request to the model has a surrogate, which is not a character"),
        ("large", "", "the request to the model is larger than 4 MB"),
    ];
    let all = rows.iter().chain(&refused);
    let lines = all.map(|(how, prompt, _)| format!("{}\n", json!({ "how": how, "prompt": prompt })));
    folder.write("input.jsonl", lines.collect::<String>());
    let step = python_step("ask-together").set("models", "{ default = \"writer\", judge = \"critic\" }");
    let critic = format!("\n[[model]]\nname = \"critic\"\nurl = {:?}\nmodel = \"critic-1\"\n", server.url("/v1"));
    folder.run(rejecting(step, &server, &critic)).succeeded();
    let answers: Vec<Value> = folder.json_lines("output.jsonl").iter().map(|row| row["answer"].clone()).collect();
    assert_eq!(answers, rows.map(|(_, _, answer)| answer));
    let messages: Vec<String> = rejected(&folder).into_iter().map(|(_, message)| message).collect();
    assert_eq!(messages, refused.map(|(_, _, message)| message));
}

#[test]
fn requests_of_rows_of_a_python_step_that_wait_are_sent_together() {
    let server = server();
    let folder = Folder::new();
    let row = |id: u32| format!("{}\n", json!({ "how": "judge", "prompt": id.to_string() }));
    folder.write("input.jsonl", (0..100).map(row).collect::<String>());
    let step = python_step("ask-together").set("models", "{ default = \"writer\", judge = \"writer\" }");
    folder.run(rejecting(step, &server, "")).succeeded();
    let answers: Vec<Value> = folder.json_lines("output.jsonl").iter().map(|row| row["answer"].clone()).collect();
    let expected: Vec<Value> = (0..100).map(|id| json!(format!("to {id} by small is good"))).collect();
    assert_eq!(answers, expected);
    assert_eq!(server.requests().len(), 200);
    assert!(server.connections() > 1, "the requests were sent one after the other");
}

#[test]
fn a_model_that_a_python_step_does_not_have_is_denied() {
    let server = server();
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"how\":\"other\",\"prompt\":\"a\"}\n");
    let step = python_step("ask-together").set("model", "\"writer\"");
    let pipeline = crate::harness::PipelineFile::new().add(step).toml(&model(&server, ""));
    let errors = folder.run(pipeline).failed(1);
    assert!(errors.contains("the step tried to ask the model \"critic\", which it does not have"), "{errors}");
    assert!(errors.contains("models = { critic = \"NAME\" }"), "{errors}");
}

#[test]
fn cases_of_a_python_step_use_recorded_answers() {
    let step = Path::new(ROOT).join("tests/python/ask-model");
    let component = python::component(&step);
    let passed = Folder::new().stillbox(["test", step.to_str().unwrap(), "--component", &component]).succeeded();
    assert!(passed.stderr.contains("1 passed"), "{}", passed.stderr);
}

#[test]
fn a_python_step_without_the_extra_cannot_be_built() {
    let folder = Folder::new();
    folder.write("pyproject.toml", "[project]\nname = \"broken\"\ndependencies = [\"stillbox-sdk[http]\"]\n");
    folder.write("broken.py", "from stillbox_sdk.models import Model\n");
    let errors = python::build(folder.path(), &folder.join("broken.wasm")).failed(1);
    let expected = "models need the extra `models` of the SDK: write `dependencies = [\"stillbox-sdk[models]\"]` in pyproject.toml";
    assert!(errors.contains(expected), "{errors}");
}
