//! Attributes and metrics as JSON.

use serde_json::{Value, json};
use stillbox::ModelRequestSpan;

/// The longest text of an attribute, in characters.
const MAX_TEXT: usize = 1000;

/// Returns the attributes that spans and metrics of a request have in common, and one more.
pub(super) fn attributes_of(model: &ModelRequestSpan, more: Option<(&str, &str)>) -> Vec<Value> {
    let mut attributes = vec![
        text("gen_ai.operation.name", model.operation),
        text("gen_ai.provider.name", provider(&model.server)),
        text("gen_ai.request.model", &model.model),
        text("server.address", &model.server),
        integer("server.port", model.port.into()),
    ];
    attributes.extend(more.map(|(key, value)| text(key, value)));
    attributes
}

/// Returns the provider that the conventions name for a server, or else the server.
fn provider(server: &str) -> &str {
    const KNOWN: [(&str, &str); 8] = [
        ("openai.com", "openai"),
        ("anthropic.com", "anthropic"),
        ("mistral.ai", "mistral_ai"),
        ("groq.com", "groq"),
        ("deepseek.com", "deepseek"),
        ("perplexity.ai", "perplexity"),
        ("x.ai", "x_ai"),
        ("azure.com", "azure.ai.openai"),
    ];
    let is_below =
        |domain: &str| server == domain || server.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    KNOWN.iter().find(|(domain, _)| is_below(domain)).map_or(server, |(_, provider)| provider)
}

/// Returns a metric with its data.
pub(super) fn metric(name: &str, unit: &str, kind: &str, data: &Value) -> Value {
    json!({ "name": name, "unit": unit, kind: data })
}

/// Returns an attribute with a text.
pub(super) fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": shortened(value) } })
}

/// Returns an attribute with a number.
pub(super) fn integer(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

/// Returns the start of a text.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_those_of_the_conventions() {
        assert_eq!(provider("api.openai.com"), "openai");
        assert_eq!(provider("me.openai.azure.com"), "azure.ai.openai");
        assert_eq!(provider("notopenai.com"), "notopenai.com");
        assert_eq!(provider("localhost"), "localhost");
    }
}
