//! The step `expand-list`.

use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::{Context as _, Json, JsonType, JsonValue, Parameters, Result, bail, drop, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The column with the lists.
    pub column: String,
    /// The output column for the elements. By default `column` is replaced.
    pub into: Option<String>,
    /// The type of the elements. An element of another type rejects its row.
    #[parameter(name = "type", default = JsonType::Json)]
    pub element_type: JsonType,
    /// An output column for the element's index in its list, from 0. By default there is none.
    pub index: Option<String>,
    /// The treatment of a row whose list is empty or null: `drop` drops it, `keep` writes a null for the element.
    #[parameter(default = Empty::Drop)]
    pub empty: Empty,
}

/// The treatment of a row without an element.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Empty {
    /// Drops the row.
    Drop,
    /// Keeps the row, with a null for the element.
    Keep,
}

impl Parameters {
    fn inputs(&self) -> Vec<Field> {
        vec![Field::new(&self.column, DataType::Json)]
    }

    fn outputs(&self) -> Vec<Field> {
        let element = Field::new(self.into.as_ref().unwrap_or(&self.column), self.element_type.data_type());
        let index = self.index.as_ref().map(|name| Field::new(name, DataType::Integer));
        [element].into_iter().chain(index).collect()
    }

    fn row<'a>(&self, element: AnyValue<'a>, index: AnyValue<'a>) -> AnyOutput<'a> {
        [element].into_iter().chain(self.index.is_some().then_some(index)).collect()
    }
}

/// Creates one row for each element of a list. The other columns are repeated.
#[step]
pub fn expand_list<'a>(parameters: &Parameters, row: AnyRow<'a>) -> Result<Vec<AnyOutput<'a>>> {
    let elements = row.json(0).map(elements).transpose();
    let elements = elements.with_context(|| format!("cannot expand the column `{}`", parameters.column))?;
    let elements = elements.unwrap_or_default();
    if elements.is_empty() {
        match parameters.empty {
            Empty::Keep => return Ok(vec![parameters.row(AnyValue::Null, AnyValue::Null)]),
            Empty::Drop => drop!("the list is empty or null"),
        }
    }
    let expand = |(index, element): (usize, Json<'a>)| {
        // A null in the list is a null of any column type.
        let value =
            if element.text() == "null" { Ok(AnyValue::Null) } else { element.value_as(parameters.element_type) };
        let value =
            value.with_context(|| format!("cannot expand element {index} in the column `{}`", parameters.column))?;
        Ok(parameters.row(value, AnyValue::Integer(index as i64)))
    };
    elements.into_iter().enumerate().map(expand).collect()
}

fn elements(json: Json<'_>) -> Result<Vec<Json<'_>>> {
    match json.value()? {
        JsonValue::List(list) => list.elements(),
        other => bail!("{} is not a list", other.describe()),
    }
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::contract::Output;
    use stillbox_sdk::testing::{batch, bind, column, values};

    use super::*;

    fn expanded(parameters: &str, lists: &[&'static str]) -> Output {
        let mut step = bind::<expand_list>(parameters).unwrap();
        step.process(&batch([column("list", lists.iter().map(|list| Json::from_text(list)))])).unwrap()
    }

    #[test]
    fn each_element_becomes_a_row() {
        let output =
            expanded(r#"{"column": "list", "index": "i", "type": "integer"}"#, &["[1, null]", "[]", "null", "[3]"]);
        assert_eq!(values::<Option<i64>>(&output, "list"), [Some(1), None, Some(3)]);
        assert_eq!(values::<Option<i64>>(&output, "i"), [Some(0), Some(1), Some(0)]);
        assert_eq!(output.origins.as_deref(), Some(&[0, 0, 3][..]));
    }

    #[test]
    fn an_empty_list_stays_if_requested() {
        let output = expanded(r#"{"column": "list", "into": "x", "empty": "keep"}"#, &["[]", "null", "[[1], \"ä\"]"]);
        let elements = values::<Option<stillbox_sdk::serde_json::Value>>(&output, "x");
        let texts: Vec<_> = elements.iter().map(|element| element.as_ref().map(ToString::to_string)).collect();
        assert_eq!(texts, [None, None, Some("[1]".to_owned()), Some("\"ä\"".to_owned())]);
        assert_eq!(output.origins.as_deref(), Some(&[0, 1, 2, 2][..]));
    }

    #[test]
    fn a_value_that_is_not_a_list_of_the_type_rejects_its_row() {
        let output = expanded(r#"{"column": "list", "type": "text"}"#, &["{\"a\": 1}", "[\"a\", 1]", "[\"b\"]"]);
        assert_eq!(values::<Option<String>>(&output, "list"), [Some("b".to_owned())]);
        let message = |row: usize| {
            let error = &output.rejections[row].error;
            format!("{}: {}", error.message, error.causes.join(": "))
        };
        assert_eq!(message(0), "cannot expand the column `list`: the object {\"a\": 1} is not a list");
        assert_eq!(message(1), "cannot expand element 1 in the column `list`: the number 1 is not a text");
    }

    #[test]
    fn output_columns_with_the_same_name_are_rejected() {
        let error = bind::<expand_list>(r#"{"column": "list", "index": "list"}"#).unwrap_err();
        assert_eq!(error.message, "two output columns have the name `list`");
    }
}
