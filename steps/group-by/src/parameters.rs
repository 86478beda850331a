use stillbox_sdk::any::{DataType, Field};
use stillbox_sdk::{JsonType, Parameters, Result, ensure};

/// The parameters of the step.
#[derive(Clone, Debug, Parameters)]
#[parameters(check = Self::check_aggregates, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The columns that define the groups: at least one, each only once. Nulls are equal to each other, and numbers are compared
    /// by value: `1` equals `1.0`.
    pub columns: Vec<String>,
    /// The aggregates of each group: at least one.
    pub aggregates: Vec<Aggregation>,
}

/// An aggregate of a group.
#[derive(Clone, Debug, Parameters)]
pub struct Aggregation {
    /// `count`: the number of rows, or of values that are not null. `min`, `max`: the smallest or largest value, in the order of
    /// the step `sort`. `mean`: the mean of numbers. `list`: all values, in order, as a JSON list.
    pub function: Function,
    /// The input column, of any type. Only `list` includes nulls. Without a column, `count` counts rows.
    pub column: Option<String>,
    /// The output column, which is added or replaced.
    pub into: String,
    /// The type of `min` and `max`, by default `json`. A value of another type rejects its row. The type of `count` is `integer`,
    /// of `mean` `float`, of `list` `json`.
    #[parameter(name = "type")]
    pub value_type: Option<JsonType>,
}

/// The function of an aggregate.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Function {
    /// The number of values.
    Count,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// The mean.
    Mean,
    /// All values.
    List,
}

impl Parameters {
    fn check_aggregates(&self) -> Result<()> {
        ensure!(!self.columns.is_empty(), "`columns` names no column");
        ensure!(!self.aggregates.is_empty(), "`aggregates` is empty: use `deduplicate` to keep one row of each group");
        for (i, aggregation) in self.aggregates.iter().enumerate() {
            let Aggregation { function, column, into, value_type } = aggregation;
            let is_key = self.columns.contains(into);
            ensure!(!is_key, "`aggregates[{i}].into` is `{into}`, which is one of `columns`");
            let has_column = column.is_some() || *function == Function::Count;
            ensure!(has_column, "`aggregates[{i}].column` is missing: only `count` works without it");
            let takes_type = value_type.is_none() || matches!(function, Function::Min | Function::Max);
            ensure!(takes_type, "`aggregates[{i}].type` applies only to `min` and `max`");
        }
        Ok(())
    }

    /// Returns the distinct input columns, those that define the groups first.
    fn read_columns(&self) -> Vec<&String> {
        let mut names: Vec<&String> = self.columns.iter().collect();
        for column in self.aggregates.iter().filter_map(|aggregation| aggregation.column.as_ref()) {
            if !names.contains(&column) {
                names.push(column);
            }
        }
        names
    }

    /// Returns the index of each aggregation's column among the input columns.
    pub(crate) fn column_indexes(&self) -> Vec<Option<usize>> {
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

    /// Returns the type of the values.
    pub(crate) fn json_type(&self) -> JsonType {
        self.value_type.unwrap_or_default()
    }

    /// Returns the context of an error in the aggregation.
    pub(crate) fn error_context(&self) -> String {
        let function = match self.function {
            Function::Count => "count",
            Function::Min => "min",
            Function::Max => "max",
            Function::Mean => "mean",
            Function::List => "list",
        };
        format!("cannot compute the {function} of the column `{}`", self.column.as_deref().unwrap_or_default())
    }
}
