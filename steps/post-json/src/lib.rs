//! The step `post-json`.

mod body;
// The same type as in the step `json-extract`; a component cannot depend on another one.
#[path = "../../json-extract/src/pointer.rs"]
mod pointer;

pub use body::Body;
pub use pointer::Pointer;
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::http::{self, Request};
use stillbox_sdk::parameters::TextParameter as _;
use stillbox_sdk::serde_json::value::RawValue;
use stillbox_sdk::{Batch, Context as _, Json, JsonType, Parameters, Result, Rows, bail, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The URL to which the rows are sent.
    pub url: String,
    /// The body of the request: JSON text. A text in it that is the name of a column in braces, such as `"{title}"`, becomes the value of
    /// that column with its type; in other texts, `{title}` is replaced by the text of the value. Write `{{` and `}}` for literal braces.
    /// With `row-body`, it contains `{rows}` instead of columns.
    pub body: Body,
    /// The JSON text of each row, with columns as in `body`. One request is sent for each batch then, and `{rows}` in `body` becomes the
    /// list of them. By default one request is sent for each row.
    pub row_body: Option<Body>,
    /// The place of the value in the answer: a JSON Pointer (RFC 6901) such as `/choices/0/text`. By default the whole answer. With
    /// `row-body`, the place of a list with one element for each row, in the same order.
    #[parameter(default)]
    pub pointer: Pointer,
    /// With `row-body`, the place of the value in each element of the list. By default the whole element.
    pub row_pointer: Option<Pointer>,
    /// The output column, which is added or replaced.
    pub into: String,
    /// The type of the value. A value of another type rejects its row.
    #[parameter(name = "type", default = JsonType::Json)]
    pub value_type: JsonType,
}

/// The placeholder of all rows.
const ROWS: &str = "rows";
/// Requests of a batch that are sent at the same time, unless the grant allows fewer.
const CONCURRENCY: usize = 64;

impl Parameters {
    fn check(&self) -> Result<()> {
        if self.row_body.is_some() {
            ensure!(
                self.body.columns() == [ROWS],
                "`body` contains {} instead of {{{ROWS}}}: with `row-body`, columns are in `row-body`",
                names(self.body.columns())
            );
        } else {
            ensure!(self.row_pointer.is_none(), "`row-pointer` has no effect without `row-body`");
        }
        Ok(())
    }

    fn inputs(&self) -> Vec<Field> {
        let body = self.row_body.as_ref().unwrap_or(&self.body);
        body.columns().iter().map(|name| Field::new(name, DataType::Json)).collect()
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(&self.into, self.value_type.data_type())]
    }

    /// Returns the value of an answer to one row.
    fn value(&self, answer: &str) -> Result<AnyOutput<'static>> {
        self.converted(find(&self.pointer, parsed(answer)?, "the answer")?, &self.pointer)
    }

    /// Returns the values of an answer to several rows. The value of one row alone may be of another type.
    fn values(&self, answer: &str, rows: usize) -> Result<Vec<Result<AnyOutput<'static>>>> {
        let at = self.pointer.source();
        let list = find(&self.pointer, parsed(answer)?, "the answer")?;
        let elements = list.elements().with_context(|| {
            format!("the answer at {at:?} is not a list with one element for each of the {rows} rows")
        })?;
        ensure!(
            elements.len() == rows,
            "the answer at {at:?} has {} elements for {rows} rows; it has to have one for each row",
            elements.len()
        );
        let whole = Pointer::default();
        let pointer = self.row_pointer.as_ref().unwrap_or(&whole);
        let value = |element| self.converted(find(pointer, element, "the row's element of the answer")?, pointer);
        Ok(elements.into_iter().map(value).collect())
    }

    fn converted(&self, found: Json<'_>, pointer: &Pointer) -> Result<AnyOutput<'static>> {
        if found.text() == "null" {
            return Ok(AnyValue::Null.into());
        }
        let value = found.value_as(self.value_type);
        let value = value.with_context(|| format!("cannot use the answer at {:?}", pointer.source()))?;
        Ok(value.into_static().into())
    }
}

/// Checks that an answer is JSON; a pointer looks at a part of it only.
fn parsed(answer: &str) -> Result<Json<'_>> {
    let answer: &RawValue = Json::from_text(answer).parse().context("the answer is not JSON")?;
    Ok(Json::from_text(answer.get()))
}

fn find<'a>(pointer: &Pointer, json: Json<'a>, what: &str) -> Result<Json<'a>> {
    let Some(found) = pointer.find(json)? else { bail!("{what} has no value at {:?}", pointer.source()) };
    Ok(found)
}

fn names(columns: &[String]) -> String {
    let names: Vec<String> = columns.iter().map(|name| format!("{{{name}}}")).collect();
    if names.is_empty() { "no column".to_owned() } else { names.join(", ") }
}

/// Sends rows as JSON by POST, and takes values from the answers. There is one request for each row, or one for each batch. The requests
/// of a batch are sent at the same time, as far as the grant allows.
#[step]
pub fn post_json(parameters: &Parameters, batch: Batch<'_, AnyRow<'_>>) -> Result<Rows<AnyOutput<'static>>> {
    match &parameters.row_body {
        Some(row_body) => post_batch(parameters, row_body, &batch),
        None => post_rows(parameters, &batch),
    }
}

fn post_rows(parameters: &Parameters, batch: &Batch<'_, AnyRow<'_>>) -> Result<Rows<AnyOutput<'static>>> {
    let post = async |row: Result<AnyRow<'_>>| {
        let row = row?;
        let body = parameters.body.fill(|column| row.json(column))?;
        parameters.value(&Request::post(&parameters.url).json(body).send_async().await?.text()?)
    };
    let mut rows = Rows::with_capacity(batch.len());
    for (row, value) in http::join_all(CONCURRENCY, batch.iter().map(post)).into_iter().enumerate() {
        add(&mut rows, row, value)?;
    }
    Ok(rows)
}

fn post_batch(
    parameters: &Parameters,
    row_body: &Body,
    batch: &Batch<'_, AnyRow<'_>>,
) -> Result<Rows<AnyOutput<'static>>> {
    let mut rows = Rows::with_capacity(batch.len());
    let (mut sent, mut list) = (Vec::with_capacity(batch.len()), String::from("["));
    for (index, row) in batch.iter().enumerate() {
        match row.and_then(|row| row_body.fill(|column| row.json(column))) {
            Ok(text) => {
                list.push_str(if sent.is_empty() { "" } else { "," });
                list.push_str(&text);
                sent.push(index);
            }
            Err(error) => rows.reject(index, error),
        }
    }
    list.push(']');
    if sent.is_empty() {
        return Ok(rows);
    }
    let body = parameters.body.fill(|_| Some(Json::from_text(&list)))?;
    drop(list);
    let answer = Request::post(&parameters.url).json(body).send()?.text()?;
    for (row, value) in sent.iter().zip(parameters.values(&answer, sent.len())?) {
        add(&mut rows, *row, value)?;
    }
    Ok(rows)
}

/// Adds the value of a row, or rejects the row.
fn add(rows: &mut Rows<AnyOutput<'static>>, row: usize, value: Result<AnyOutput<'static>>) -> Result<()> {
    match value {
        Ok(value) => rows.push_from(row, value),
        Err(error) => {
            rows.reject(row, error);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pointer: &str, value_type: JsonType) -> Parameters {
        Parameters {
            url: "https://example.org/".into(),
            body: Body::parse("{}").unwrap(),
            row_body: None,
            pointer: Pointer::parse(pointer).unwrap(),
            row_pointer: None,
            into: "x".into(),
            value_type,
        }
    }

    #[test]
    fn the_value_at_the_pointer_is_taken_with_its_type() {
        let answer = r#"{"a": [{"b": "c"}, null], "d": 12345678901234567890}"#;
        let text = parameters("/a/0/b", JsonType::Text).value(answer).unwrap();
        assert_eq!(text, AnyValue::Text("c".into()).into());
        assert_eq!(parameters("/a/1", JsonType::Text).value(answer).unwrap(), AnyValue::Null.into());
        let json = parameters("/d", JsonType::Json).value(answer).unwrap();
        assert_eq!(json, AnyValue::Json("12345678901234567890".into()).into());
        let error = parameters("/e", JsonType::Json).value(answer).unwrap_err();
        assert_eq!(error.message(), "the answer has no value at \"/e\"");
        assert!(parameters("/a/0/b", JsonType::Integer).value(answer).is_err());
        assert!(parameters("", JsonType::Json).value("<html>").is_err());
    }

    #[test]
    fn an_answer_to_a_batch_has_one_element_for_each_row() {
        let answer = r#"{"data": [{"score": 1}, {"score": "x"}, {"score": null}, {}]}"#;
        let scores = Parameters {
            row_pointer: Some(Pointer::parse("/score").unwrap()),
            ..parameters("/data", JsonType::Integer)
        };
        let values = scores.values(answer, 4).unwrap();
        assert_eq!(*values[0].as_ref().unwrap(), AnyValue::Integer(1).into());
        assert_eq!(values[1].as_ref().unwrap_err().message(), "cannot use the answer at \"/score\"");
        assert_eq!(*values[2].as_ref().unwrap(), AnyValue::Null.into());
        let error = values[3].as_ref().unwrap_err();
        assert_eq!(error.message(), "the row's element of the answer has no value at \"/score\"");
        let error = |rows| scores.values(answer, rows).unwrap_err().message().to_owned();
        let expected = "the answer at \"/data\" has 4 elements for 3 rows; it has to have one for each row";
        assert_eq!((error(3), error(5)), (expected.to_owned(), expected.replace("3 rows", "5 rows")));
        let error = parameters("/data/0", JsonType::Json).values(answer, 1).unwrap_err();
        assert_eq!(error.message(), "the answer at \"/data/0\" is not a list with one element for each of the 1 rows");
    }

    #[test]
    fn columns_are_in_the_body_that_belongs_to_a_row() {
        let with = |body: &str, row_body: Option<&str>| {
            let row_body = row_body.map(|text| Body::parse(text).unwrap());
            Parameters { body: Body::parse(body).unwrap(), row_body, ..parameters("", JsonType::Json) }
        };
        let columns =
            |parameters: Parameters| parameters.inputs().into_iter().map(|field| field.name).collect::<Vec<_>>();
        assert_eq!(columns(with(r#"["{a}"]"#, None)), ["a"]);
        let batch = with(r#"{"inputs": "{rows}"}"#, Some(r#"{"t": "{a}", "u": "{b}"}"#));
        assert!(batch.check().is_ok());
        assert_eq!(columns(batch), ["a", "b"]);
        let error = with(r#"["{a}", "{rows}"]"#, Some("1")).check().unwrap_err();
        assert_eq!(
            error.message(),
            "`body` contains {a}, {rows} instead of {rows}: with `row-body`, columns are in `row-body`"
        );
        assert!(with("[]", Some("1")).check().unwrap_err().message().contains("contains no column"));
        let unused = Parameters { row_pointer: Some(Pointer::default()), ..with("[]", None) };
        assert!(unused.check().unwrap_err().message().contains("no effect without `row-body`"));
    }
}
