//! The definition of a step: the default export of its first module. The SDK has checked it when it was made.

use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsString, JsValue};

use crate::bindings::stillbox::step::types::{DataType, Kind};
use crate::reading::{get, get_text, members};

/// How the function of a step is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For each row.
    Rows,
    /// For each batch.
    Batch,
    /// Once; it returns an iterator of rows.
    Source,
    /// Once; it returns an object with `process` and `finish`.
    Aggregate,
}

impl Form {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Rows | Self::Batch => Kind::Transform,
            Self::Source => Kind::Source,
            Self::Aggregate => Kind::Aggregate,
        }
    }
}

/// The type of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ColumnType {
    Boolean,
    Integer,
    BigInt,
    Float,
    /// With the allowed texts.
    Text(Option<Vec<String>>),
    Binary,
    Json,
    /// With the number of elements.
    Vector(Option<u32>),
}

impl ColumnType {
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer | Self::BigInt => DataType::Integer,
            Self::Float => DataType::Float,
            Self::Text(_) => DataType::Text,
            Self::Binary => DataType::Binary,
            Self::Json => DataType::Json,
            Self::Vector(_) => DataType::Vector,
        }
    }

    /// The type for a message: `x must be …`.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Boolean => "a boolean".into(),
            Self::Integer => "a whole number".into(),
            Self::BigInt => "a BigInt".into(),
            Self::Float => "a number".into(),
            Self::Text(None) => "a text".into(),
            Self::Text(Some(choices)) => format!("one of {}", choices.join(", ")),
            Self::Binary => "a Uint8Array".into(),
            Self::Json => "a JSON value".into(),
            Self::Vector(Some(width)) => format!("a list of {width} numbers"),
            Self::Vector(None) => "a list of numbers".into(),
        }
    }
}

/// A column as the code declares it.
#[derive(Debug, Clone)]
pub(crate) struct ColumnSpec {
    /// The property of a row.
    pub(crate) key: JsString,
    /// The name, if it is not that of the property.
    pub(crate) name: Option<String>,
    /// The parameter that has the name.
    pub(crate) from: Option<String>,
    pub(crate) is_nullable: bool,
    pub(crate) is_optional: bool,
    pub(crate) column_type: ColumnType,
}

/// The type of a parameter.
#[derive(Debug, Clone)]
pub(crate) enum ParameterType {
    Boolean,
    Integer(Range),
    Float(Range),
    Text(Option<Vec<String>>),
    Json,
    List(Box<ParameterType>),
}

/// The smallest and the largest value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Range {
    pub(crate) min: Option<f64>,
    pub(crate) max: Option<f64>,
}

/// A parameter as the code declares it.
#[derive(Debug, Clone)]
pub(crate) struct ParameterSpec {
    pub(crate) key: JsString,
    pub(crate) name: String,
    pub(crate) doc: Option<String>,
    pub(crate) is_required: bool,
    /// Undefined without one.
    pub(crate) default: JsValue,
    pub(crate) parameter_type: ParameterType,
}

/// A step.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) form: Form,
    pub(crate) summary: Option<String>,
    pub(crate) parameters: Vec<ParameterSpec>,
    pub(crate) inputs: Vec<ColumnSpec>,
    pub(crate) outputs: Vec<ColumnSpec>,
    pub(crate) run: JsObject,
    /// The object, if its columns depend on the parameters.
    pub(crate) unresolved: Option<JsObject>,
}

impl Definition {
    /// Reads an object of the SDK's class `Step`.
    ///
    /// # Errors
    /// The object is not what the SDK makes.
    pub(crate) fn read(step: &JsObject, context: &mut Context) -> JsResult<Self> {
        let broken = || JsNativeError::typ().with_message("the default export is not a step");
        let form = match get_text(step, "kind", context)?.as_deref() {
            Some("transform") => Form::Rows,
            Some("transformBatch") => Form::Batch,
            Some("source") => Form::Source,
            Some("aggregate") => Form::Aggregate,
            _ => return Err(broken().into()),
        };
        let mut group = |name: &str| -> JsResult<Vec<(JsString, JsObject)>> {
            let group = get(step, name, context)?.as_object().filter(|group| !group.is_callable());
            let Some(group) = group else { return Ok(Vec::new()) };
            let types = members(&group, context)?.into_iter();
            Ok(types.filter_map(|(key, value)| Some((key, value.as_object()?))).collect())
        };
        let (parameters, inputs, outputs) = (group("parameters")?, group("input")?, group("output")?);
        let mut columns = |group: Vec<(JsString, JsObject)>| {
            group.into_iter().map(|(key, column)| ColumnSpec::read(key, &column, context)).collect::<JsResult<_>>()
        };
        let (inputs, outputs) = (columns(inputs)?, columns(outputs)?);
        let parameters = parameters.into_iter();
        let parameters = parameters.map(|(key, parameter)| ParameterSpec::read(key, &parameter, context));
        let parameters = parameters.collect::<JsResult<Vec<_>>>()?;
        check_names(&parameters)?;
        let mut is_function = |name: &str| JsResult::Ok(get(step, name, context)?.is_callable());
        let is_unresolved = is_function("input")? || is_function("output")?;
        Ok(Self {
            form,
            unresolved: is_unresolved.then(|| step.clone()),
            parameters,
            inputs,
            outputs,
            summary: get_text(step, "summary", context)?,
            run: get(step, "run", context)?.as_object().ok_or_else(broken)?,
        })
    }

    /// Returns the parameter with this property.
    pub(crate) fn parameter(&self, key: &str) -> Option<&ParameterSpec> {
        self.parameters.iter().find(|parameter| parameter.key == *key)
    }
}

impl ColumnSpec {
    fn read(key: JsString, column: &JsObject, context: &mut Context) -> JsResult<Self> {
        let column_type = match get_text(column, "type", context)?.as_deref() {
            Some("boolean") => ColumnType::Boolean,
            Some("integer") => ColumnType::Integer,
            Some("bigint") => ColumnType::BigInt,
            Some("float") => ColumnType::Float,
            Some("text") => ColumnType::Text(choices(column, context)?),
            Some("binary") => ColumnType::Binary,
            Some("vector") => ColumnType::Vector(get(column, "width", context)?.as_number().map(|width| width as u32)),
            _ => ColumnType::Json,
        };
        Ok(Self {
            key,
            name: get_text(column, "name", context)?,
            from: get_text(column, "from", context)?,
            is_nullable: get(column, "nullable", context)?.to_boolean(),
            is_optional: get(column, "optional", context)?.to_boolean(),
            column_type,
        })
    }
}

impl ParameterSpec {
    fn read(key: JsString, parameter: &JsObject, context: &mut Context) -> JsResult<Self> {
        let name = get_text(parameter, "name", context)?.unwrap_or_else(|| kebab_case(&key.to_std_string_lossy()));
        let default = get(parameter, "default", context)?;
        let is_optional = get(parameter, "optional", context)?.to_boolean();
        Ok(Self {
            key,
            name,
            doc: get_text(parameter, "doc", context)?,
            is_required: default.is_undefined() && !is_optional,
            default,
            parameter_type: ParameterType::read(parameter, context)?,
        })
    }
}

impl ParameterType {
    fn read(parameter: &JsObject, context: &mut Context) -> JsResult<Self> {
        let min = get(parameter, "min", context)?.as_number();
        let range = Range { min, max: get(parameter, "max", context)?.as_number() };
        Ok(match get_text(parameter, "type", context)?.as_deref() {
            Some("boolean") => Self::Boolean,
            Some("integer") => Self::Integer(range),
            Some("float") => Self::Float(range),
            Some("text") => Self::Text(choices(parameter, context)?),
            Some("list") => match get(parameter, "of", context)?.as_object() {
                Some(of) => Self::List(Box::new(Self::read(&of, context)?)),
                None => Self::List(Box::new(Self::Json)),
            },
            _ => Self::Json,
        })
    }
}

/// Two properties can have the same name in a pipeline file: `minLength` and `min_length`.
fn check_names(parameters: &[ParameterSpec]) -> JsResult<()> {
    for (position, parameter) in parameters.iter().enumerate() {
        if let Some(other) = parameters[..position].iter().find(|other| other.name == parameter.name) {
            let (one, other) = (other.key.to_std_string_lossy(), parameter.key.to_std_string_lossy());
            let message = format!("the parameters `{one}` and `{other}` have the same name `{}`", parameter.name);
            return Err(JsNativeError::typ().with_message(message).into());
        }
    }
    Ok(())
}

fn choices(object: &JsObject, context: &mut Context) -> JsResult<Option<Vec<String>>> {
    let Some(list) = get(object, "choices", context)?.as_object() else { return Ok(None) };
    let length = get(&list, "length", context)?.to_length(context)?;
    let mut choices = Vec::new();
    for index in 0..length {
        choices.push(list.get(index, context)?.to_string(context)?.to_std_string_lossy());
    }
    Ok(Some(choices))
}

/// Returns the name of a parameter in a pipeline file: `minWords` and `min_words` are `min-words`.
fn kebab_case(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 4);
    for c in key.chars() {
        if c.is_uppercase() {
            if !name.is_empty() {
                name.push('-');
            }
            name.extend(c.to_lowercase());
        } else {
            name.push(if c == '_' { '-' } else { c });
        }
    }
    name
}
