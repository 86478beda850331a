//! A server of models that gives recorded answers.

use serde_json::{Value, json};

use super::{Server, ok, response};

/// Starts a server that answers each request, and each text to embed, by the first line that fits: the model is `model`, and a text of
/// the request contains `contains`, if the line has them. Returns it with the URL for models.
pub(crate) fn model_server(answers: &str) -> (Server, String) {
    let lines: Vec<Value> = answers.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let server = Server::new(move |request| {
        let body: Value = serde_json::from_slice(&request.body).expect("a request is JSON");
        let line = |asked: &Value| {
            let fits = |line: &&Value| {
                line["model"].as_str().is_none_or(|model| body["model"] == model)
                    && line["contains"].as_str().is_none_or(|part| contains(asked, part))
            };
            lines.iter().find(fits).unwrap_or_else(|| panic!("there is no answer to {asked}"))
        };
        if request.path().ends_with("/embeddings") {
            let texts = body["input"].as_array().expect("the texts are a list");
            let data: Value = texts.iter().map(|text| json!({ "embedding": line(text)["embedding"] })).collect();
            return ok(&json!({ "data": data }).to_string());
        }
        let line = line(&body);
        if let Some(error) = line["error"].as_str() {
            return response("400 Bad Request", "", &json!({ "error": { "message": error } }).to_string());
        }
        let choice = if request.path().ends_with("/chat/completions") {
            json!({ "message": { "role": "assistant", "content": line["answer"] }, "finish_reason": "stop" })
        } else {
            json!({ "text": line["answer"], "finish_reason": "stop" })
        };
        ok(&json!({ "model": body["model"], "choices": [choice] }).to_string())
    });
    let url = format!("http://localhost:{}/v1", server.address.port());
    (server, url)
}

/// Returns whether any text in the JSON contains a part.
fn contains(value: &Value, part: &str) -> bool {
    match value {
        Value::String(text) => text.contains(part),
        Value::Array(values) => values.iter().any(|value| contains(value, part)),
        Value::Object(members) => members.values().any(|value| contains(value, part)),
        _ => false,
    }
}
