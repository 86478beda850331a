//! Where telemetry goes: the option, and the variables that are standard for exporters.

use std::env;

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
    /// What has set it, for messages.
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
        Some((name.trim().to_lowercase(), decoded(value.trim())))
    };
    text.split(',').filter_map(header).collect()
}

/// Replaces each `%` with two hexadecimal digits by its byte.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
