use stillbox_sdk::any::{DataType, Field};
use stillbox_sdk::{JsonType, Parameters, Result, ensure};

/// What the step is told.
#[derive(Clone, Debug, Parameters)]
#[parameters(check = Self::check_aggregates, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The columns that the rows of a group agree in: at least one, each once. Nulls agree with each other, and numbers by
    /// their value: `1` with `1.0`.
    pub columns: Vec<String>,
    /// What to make of each group: at least one.
    pub aggregates: Vec<Aggregation>,
}

/// Something to make of a group.
#[derive(Clone, Debug, Parameters)]
pub struct Aggregation {
    /// `count`: how many rows, or values that are not null, there are. `min`, `max`: the least or greatest value; the order
    /// is that of the step `sort`. `mean`: the mean of numbers. `list`: all values, in order, as a JSON list.
    pub function: Function,
    /// The column that is looked at, of any type. Only `list` takes nulls into account. Without a column, `count` counts rows.
    pub column: Option<String>,
    /// The column for the result. It is added, or replaced.
    pub into: String,
    /// The type of `min` and `max`: a value of another type rejects its row. `json`, unless given. That of `count` is `integer`,
    /// of `mean` `float`, of `list` `json`.
    #[parameter(name = "type")]
    pub value_type: Option<JsonType>,
}

/// What is made of a group's values.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Function {
    /// How many there are.
    Count,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The mean.
    Mean,
    /// All of them.
    List,
}

impl Parameters {
    fn check_aggregates(&self) -> Result<()> {
        ensure!(!self.columns.is_empty(), "`columns` names no column");
        ensure!(!self.aggregates.is_empty(), "`aggregates` is empty: `deduplicate` keeps one row of each kind");
        for (i, aggregation) in self.aggregates.iter().enumerate() {
            let Aggregation { function, column, into, value_type } = aggregation;
            let is_key = self.columns.contains(into);
            ensure!(!is_key, "`aggregates[{i}].into` is `{into}`, which is one of `columns`");
            let needs_none = column.is_some() || *function == Function::Count;
            ensure!(needs_none, "`aggregates[{i}].column` is missing: only `count` needs none");
            let takes_type = value_type.is_none() || matches!(function, Function::Min | Function::Max);
            ensure!(takes_type, "`aggregates[{i}].type` is only for `min` and `max`");
        }
        Ok(())
    }

    /// The columns that are read, each once: first those that make the groups.
    fn read_columns(&self) -> Vec<&String> {
        let mut names: Vec<&String> = self.columns.iter().collect();
        for column in self.aggregates.iter().filter_map(|aggregation| aggregation.column.as_ref()) {
            if !names.contains(&column) {
                names.push(column);
            }
        }
        names
    }

    /// Where each aggregation has its column among those that are read.
    pub(crate) fn places(&self) -> Vec<Option<usize>> {
        let names = self.read_columns();
        let place = |aggregation: &Aggregation| {
            let column = aggregation.column.as_ref()?;
            names.iter().position(|name| *name == column)
        };
        self.aggregates.iter().map(place).collect()
    }

    fn inputs(&self) -> Vec<Field> {
        self.read_columns().into_iter().map(|name| Field::new(name, DataType::Json)).collect()
    }

    fn outputs(&self) -> Vec<Field> {
        self.aggregates.iter().map(|aggregation| Field::new(&aggregation.into, aggregation.data_type())).collect()
    }
}

impl Aggregation {
    fn data_type(&self) -> DataType {
        match self.function {
            Function::Count => DataType::Integer,
            Function::Mean => DataType::Float,
            Function::List => DataType::Json,
            Function::Min | Function::Max => self.json_type().data_type(),
        }
    }

    /// The type that the values are to have.
    pub(crate) fn json_type(&self) -> JsonType {
        self.value_type.unwrap_or_default()
    }

    /// The aggregation for a message.
    pub(crate) fn in_words(&self) -> String {
        let function = match self.function {
            Function::Count => "count",
            Function::Min => "min",
            Function::Max => "max",
            Function::Mean => "mean",
            Function::List => "list",
        };
        format!("the {function} of the column `{}`", self.column.as_deref().unwrap_or_default())
    }
}
