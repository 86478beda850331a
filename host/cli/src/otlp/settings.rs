//! Where telemetry goes: the option, and the variables that are standard for exporters.

use std::env;

use stillbox::text::percent_decoded;

/// The variable with the endpoint, if the option does not name one.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// The variable with headers: names and values such as `a=b,c=d`, with `%` and two digits for any byte.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// The variable with the name of the service.
const SERVICE: &str = "OTEL_SERVICE_NAME";

/// The settings of an exporter.
#[derive(Debug, Clone)]
pub(crate) struct OtlpSettings {
    /// The URL below which are `v1/traces` and `v1/metrics`.
    pub(super) endpoint: String,
    /// The option or variable that has set it, for messages.
    pub(super) set_by: &'static str,
    pub(super) headers: Vec<(String, String)>,
    pub(super) service: String,
}

impl OtlpSettings {
    /// Returns the settings, if the option or the variable names an endpoint.
    pub(crate) fn new(option: Option<&str>) -> Option<Self> {
        let variable = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let (endpoint, set_by) = match option {
            Some(endpoint) => (endpoint.to_owned(), "--otlp"),
            None => (variable(ENDPOINT)?, ENDPOINT),
        };
        let headers = variable(HEADERS).map(|headers| read_headers(&headers)).unwrap_or_default();
        Some(Self { endpoint, set_by, headers, service: variable(SERVICE).unwrap_or_else(|| "stillbox".into()) })
    }
}

fn read_headers(text: &str) -> Vec<(String, String)> {
    let header = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some((
            name.trim().to_lowercase(),
            String::from_utf8_lossy(&percent_decoded(value.trim().as_bytes())).into_owned(),
        ))
    };
    text.split(',').filter_map(header).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_pairs_with_escapes() {
        let headers = read_headers("Authorization=Basic%20YTpi, x-a = 5%,broken");
        let expected = [("authorization", "Basic YTpi"), ("x-a", "5%")];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
