//! The step `fetch-url`.

use stillbox_sdk::any::{AnyOutput, AnyValue, DataType, Field};
use stillbox_sdk::http::{Request, Response};
use stillbox_sdk::{Input, Parameters, Result, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(outputs = Self::outputs)]
pub struct Parameters {
    /// The column with the URLs.
    pub column: String,
    /// The output column for the body of the response.
    pub into: String,
    /// The type of the body: `text`, which has to be UTF-8, or `binary`.
    #[parameter(name = "type", default = BodyType::Text)]
    pub body_type: BodyType,
    /// An output column for the status code. By default there is none.
    pub status: Option<String>,
    /// An output column for the content type, as the server sends it. By default there is none.
    pub content_type: Option<String>,
    /// The treatment of a status other than 200 to 299: `reject` rejects the row, `keep` keeps it with the body that came.
    #[parameter(default = ErrorStatus::Reject)]
    pub error_status: ErrorStatus,
    /// The most bytes of a body. A larger one rejects its row. Default: what the grant allows.
    pub max_bytes: Option<u64>,
}

/// The type of the output column.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum BodyType {
    /// Text in UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

/// The treatment of a status of failure.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum ErrorStatus {
    /// The row is rejected.
    Reject,
    /// The row is kept.
    Keep,
}

impl Parameters {
    fn outputs(&self) -> Vec<Field> {
        let body = match self.body_type {
            BodyType::Text => DataType::Text,
            BodyType::Binary => DataType::Binary,
        };
        let status = self.status.as_ref().map(|name| Field::new(name, DataType::Integer));
        let content_type = self.content_type.as_ref().map(|name| Field::new(name, DataType::Text));
        [Field::new(&self.into, body)].into_iter().chain(status).chain(content_type).collect()
    }

    fn row(&self, response: Option<Response>) -> Result<AnyOutput<'static>> {
        let Some(response) = response else {
            return Ok((0..self.outputs().len()).map(|_| AnyValue::Null).collect());
        };
        let status = AnyValue::Integer(response.status().into());
        let content_type = response.header("content-type");
        let content_type = content_type.map_or(AnyValue::Null, |text| AnyValue::Text(text.to_owned().into()));
        let body = self.body(response)?;
        let status = self.status.is_some().then_some(status);
        Ok([body].into_iter().chain(status).chain(self.content_type.is_some().then_some(content_type)).collect())
    }

    fn body(&self, response: Response) -> Result<AnyValue<'static>> {
        let response = if self.error_status == ErrorStatus::Reject { response.error_for_status()? } else { response };
        let body = response.body();
        if let Some(most) = self.max_bytes {
            ensure!(body.len() as u64 <= most, "the body has {} bytes, more than the limit of {most}", body.len());
        }
        Ok(match self.body_type {
            BodyType::Binary => AnyValue::Binary(body.to_vec().into()),
            BodyType::Text => AnyValue::Text(String::from_utf8(body.to_vec())?.into()),
        })
    }
}

/// The column that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The URL. A row without one gets nulls.
    #[column(from = "column")]
    pub url: Option<&'a str>,
}

/// Fetches URLs by GET. The rows of a batch are fetched at the same time, as far as the grant allows.
#[step(concurrency = 64)]
pub async fn fetch_url(parameters: &Parameters, row: Row<'_>) -> Result<AnyOutput<'static>> {
    let response = match row.url {
        Some(url) => Some(Request::get(url).send_async().await?),
        None => None,
    };
    parameters.row(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Parameters {
        Parameters {
            column: "url".into(),
            into: "page".into(),
            body_type: BodyType::Text,
            status: None,
            content_type: None,
            error_status: ErrorStatus::Reject,
            max_bytes: None,
        }
    }

    fn response(status: u16, body: &[u8]) -> Response {
        Response::new(status, vec![("content-type".into(), b"text/plain".to_vec())], body)
    }

    #[test]
    fn a_response_becomes_the_columns_that_are_named() {
        let all = Parameters { status: Some("s".into()), content_type: Some("t".into()), ..parameters() };
        let row = all.row(Some(response(200, b"text"))).unwrap();
        let text = |text: &'static str| AnyValue::Text(text.into());
        assert_eq!(row, [text("text"), AnyValue::Integer(200), text("text/plain")].into_iter().collect());
        assert_eq!(all.row(None).unwrap(), (0..3).map(|_| AnyValue::Null).collect());
    }

    #[test]
    fn a_status_of_failure_rejects_the_row_or_is_kept() {
        let status = Some("s".to_owned());
        assert!(Parameters { status: status.clone(), ..parameters() }.row(Some(response(404, b"none"))).is_err());
        let keep = Parameters { status, error_status: ErrorStatus::Keep, ..parameters() };
        let kept = keep.row(Some(response(404, b"none"))).unwrap();
        assert_eq!(kept, [AnyValue::Text("none".into()), AnyValue::Integer(404)].into_iter().collect());
    }

    #[test]
    fn a_body_that_is_large_or_not_text_rejects_the_row() {
        assert!(Parameters { max_bytes: Some(3), ..parameters() }.row(Some(response(200, b"text"))).is_err());
        assert!(parameters().row(Some(response(200, b"\xff"))).is_err());
        let binary = Parameters { body_type: BodyType::Binary, ..parameters() };
        let binary = binary.row(Some(response(200, b"\xff"))).unwrap();
        assert_eq!(binary, AnyValue::Binary(vec![0xff].into()).into());
    }
}
