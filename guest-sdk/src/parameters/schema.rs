use super::{ParameterValue, Parameters};

/// The smallest and the largest value of a number, as JSON.
#[derive(Debug, Default)]
pub struct Bounds {
    /// The smallest value.
    pub min: Option<String>,
    /// The largest value.
    pub max: Option<String>,
}

impl Bounds {
    /// No bounds except those of the type.
    pub const NONE: Self = Self { min: None, max: None };

    /// Creates the bounds from the settings of an attribute.
    pub fn new<N: ParameterValue>(min: Option<&N>, max: Option<&N>) -> Self {
        Self { min: min.map(json), max: max.map(json) }
    }
}

/// The schema of one parameter of a struct.
#[derive(Debug)]
pub struct Property {
    key: &'static str,
    required: bool,
    members: String,
}

impl Property {
    /// Creates the schema of a field. It is required unless it has a default or its type has a value for a missing parameter.
    pub fn new<T: ParameterValue>(key: &'static str, description: &str, bounds: &Bounds, default: Option<&T>) -> Self {
        let mut members = String::new();
        if !description.is_empty() {
            members.push_str("\"description\":");
            quote(description, &mut members);
        }
        let before = members.len();
        T::schema(&mut members, bounds);
        // A type with an empty schema needs no comma.
        if before > 0 && members.len() > before {
            members.insert(before, ',');
        }
        if let Some(default) = default {
            if !members.is_empty() {
                members.push(',');
            }
            members.push_str("\"default\":");
            default.write(&mut members);
        }
        Self { key, required: default.is_none() && T::missing().is_none(), members }
    }
}

/// Writes the members of the schema of a struct.
pub fn object_schema(out: &mut String, properties: &[Property]) {
    out.push_str("\"type\":\"object\",\"properties\":{");
    for (i, property) in properties.iter().enumerate() {
        separate(i, out);
        quote(property.key, out);
        out.push_str(":{");
        out.push_str(&property.members);
        out.push('}');
    }
    out.push('}');
    let required: Vec<_> =
        properties.iter().filter(|property| property.required).map(|property| property.key).collect();
    if !required.is_empty() {
        out.push_str(",\"required\":");
        list(&required, out);
    }
    out.push_str(",\"additionalProperties\":false");
}

/// Writes the members of the schema of an enum.
pub fn enum_schema(out: &mut String, names: &[&str]) {
    out.push_str("\"type\":\"string\",\"enum\":");
    list(names, out);
}

/// Returns the JSON Schema of a step's parameters.
pub(crate) fn schema<P: Parameters>() -> String {
    let mut out = String::from("{");
    P::schema(&mut out, &Bounds::NONE);
    out.push('}');
    out
}

fn json<T: ParameterValue>(value: &T) -> String {
    let mut out = String::new();
    value.write(&mut out);
    out
}

fn list(names: &[&str], out: &mut String) {
    out.push('[');
    for (i, name) in names.iter().enumerate() {
        separate(i, out);
        quote(name, out);
    }
    out.push(']');
}

fn separate(i: usize, out: &mut String) {
    if i > 0 {
        out.push(',');
    }
}

fn quote(text: &str, out: &mut String) {
    text.to_owned().write(out);
}
