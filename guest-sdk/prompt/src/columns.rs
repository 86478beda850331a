//! The columns that a step reads as JSON.

use std::borrow::Cow;

use stillbox_sdk::any::{AnyRow, DataType, Field};
use stillbox_sdk::{Context as _, Json, JsonValue, Result, bail};

use crate::Template;

/// The distinct columns that a step reads as JSON, in the order in which they were added: the first inputs of the step.
#[derive(Debug, Default)]
pub struct Columns<'p> {
    names: Vec<&'p str>,
}

impl<'p> Columns<'p> {
    /// Adds the columns of a template, if there is one.
    #[must_use]
    pub fn template(mut self, template: Option<&'p Template>) -> Self {
        for name in template.map(Template::columns).unwrap_or_default() {
            self.add(name);
        }
        self
    }

    /// Adds columns.
    #[must_use]
    pub fn names(mut self, names: impl IntoIterator<Item = &'p String>) -> Self {
        for name in names {
            self.add(name);
        }
        self
    }

    fn add(&mut self, name: &'p str) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    /// Returns the number of columns, which is the index of the first input after them.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns whether a column is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    /// Returns the input columns.
    pub fn fields(&self) -> Vec<Field> {
        self.names.iter().map(|name| Field::new(*name, DataType::Json)).collect()
    }

    /// Returns the value of a column, or `None` for a null and for a column that was not added.
    pub fn get<'a>(&self, row: &AnyRow<'a>, name: &str) -> Option<Json<'a>> {
        self.names.iter().position(|known| *known == name).and_then(|index| row.json(index))
    }

    /// Returns the text of a column.
    ///
    /// # Errors
    /// The value is null, or not a text.
    pub fn text<'a>(&self, row: &AnyRow<'a>, name: &str) -> Result<Cow<'a, str>> {
        let Some(json) = self.get(row, name) else { bail!("the column `{name}` is null, and has to be a text") };
        match json.value()? {
            JsonValue::Text(text) => Ok(text),
            other => bail!("the column `{name}` has to be a text, not {}", other.describe()),
        }
    }

    /// Returns the texts of a column that is a list of texts.
    ///
    /// # Errors
    /// The value is null, or not a list of texts.
    pub fn texts<'a>(&self, row: &AnyRow<'a>, name: &str) -> Result<Vec<Cow<'a, str>>> {
        let elements = match self.get(row, name).map(Json::value).transpose()? {
            None => bail!("the column `{name}` is null, and has to be a list of texts"),
            Some(JsonValue::List(list)) => list.elements()?,
            Some(other) => bail!("the column `{name}` has to be a list of texts, not {}", other.describe()),
        };
        let text = |(index, element): (usize, Json<'a>)| match element.value()? {
            JsonValue::Text(text) => Ok(text),
            other => bail!("element {index} of the column `{name}` has to be a text, not {}", other.describe()),
        };
        elements.into_iter().enumerate().map(text).collect()
    }

    /// Fills the values of a row into a template. `parameter` is its name, for the message of an error.
    ///
    /// # Errors
    /// The template uses a null or an undefined value, or fails.
    pub fn render(&self, row: &AnyRow<'_>, parameter: &str, template: &Template) -> Result<String> {
        template
            .render(|name| self.get(row, name))
            .with_context(|| format!("cannot fill the columns into `{parameter}`"))
    }
}
