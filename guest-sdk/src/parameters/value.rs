use std::fmt::{Display, Write};

use serde_json::Value;

use super::{Bounds, Object, Problems};

/// The type of a parameter.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that a parameter can have",
    label = "not a type that a parameter can have",
    note = "take bool, a number, String, Option<T>, Vec<T>, stillbox_sdk::serde_json::Value, \
            or a struct or an enum with `#[derive(Parameters)]`"
)]
pub trait ParameterValue: Sized {
    /// Whether the value is a text, which can name a column.
    const IS_TEXT: bool = false;

    /// Reads a value. `at` is its path in the parameters. Returns `None` after adding the mistakes to `problems`.
    fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self>;

    /// Writes the JSON Schema of the type: the members of an object, without the braces.
    fn schema(out: &mut String, bounds: &Bounds);

    /// Writes the value as JSON.
    fn write(&self, out: &mut String);

    /// Returns the value of a missing parameter, if the type has one.
    fn missing() -> Option<Self> {
        None
    }

    /// Returns the value if it is a text, which can name a column.
    fn text(&self) -> Option<&str> {
        None
    }
}

/// A number, or a list of numbers, for `min` and `max`.
#[diagnostic::on_unimplemented(
    message = "`min` and `max` apply to numbers, and `{Self}` is not a number",
    label = "not a number"
)]
pub trait Bounded: ParameterValue {
    /// The number's type.
    type Number: ParameterValue;

    /// Adds a problem for each number that is out of bounds.
    fn check(&self, at: &str, min: Option<Self::Number>, max: Option<Self::Number>, problems: &mut Problems);
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl ParameterValue for $type {
            fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self> {
                let Value::Number(number) = value else { return problems.wrong_type(at, "an integer", value) };
                let narrow = match (number.as_i64(), number.as_u64()) {
                    (Some(number), _) => <$type>::try_from(number).ok(),
                    (None, Some(number)) => <$type>::try_from(number).ok(),
                    (None, None) => return problems.wrong_type(at, "an integer", value),
                };
                narrow.or_else(|| out_of_bounds(at, Some(<$type>::MIN), Some(<$type>::MAX), number, problems))
            }

            fn schema(out: &mut String, bounds: &Bounds) {
                let (min, max) = (<$type>::MIN.to_string(), <$type>::MAX.to_string());
                out.push_str("\"type\":\"integer\",\"minimum\":");
                out.push_str(bounds.min.as_ref().unwrap_or(&min));
                out.push_str(",\"maximum\":");
                out.push_str(bounds.max.as_ref().unwrap_or(&max));
            }

            fn write(&self, out: &mut String) {
                let _ = write!(out, "{self}");
            }
        }

        impl Bounded for $type {
            type Number = Self;

            fn check(&self, at: &str, min: Option<Self>, max: Option<Self>, problems: &mut Problems) {
                if min.is_some_and(|min| *self < min) || max.is_some_and(|max| *self > max) {
                    out_of_bounds::<$type, ()>(at, min, max, self, problems);
                }
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

macro_rules! floats {
    ($($type:ty),*) => {$(
        impl ParameterValue for $type {
            fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self> {
                let Some(number) = value.as_f64() else { return problems.wrong_type(at, "a number", value) };
                // A number that is too large for an `f32` would become infinite.
                let narrow = number as $type;
                if narrow.is_finite() { Some(narrow) } else { problems.wrong_type(at, "a number in range", value) }
            }

            fn schema(out: &mut String, bounds: &Bounds) {
                out.push_str("\"type\":\"number\"");
                if let Some(min) = &bounds.min {
                    out.push_str(",\"minimum\":");
                    out.push_str(min);
                }
                if let Some(max) = &bounds.max {
                    out.push_str(",\"maximum\":");
                    out.push_str(max);
                }
            }

            fn write(&self, out: &mut String) {
                let _ = write!(out, "{self}");
            }
        }

        impl Bounded for $type {
            type Number = Self;

            fn check(&self, at: &str, min: Option<Self>, max: Option<Self>, problems: &mut Problems) {
                if min.is_some_and(|min| *self < min) || max.is_some_and(|max| *self > max) {
                    out_of_bounds::<$type, ()>(at, min, max, self, problems);
                }
            }
        }
    )*};
}
floats!(f32, f64);

/// Adds a number that is out of bounds, and returns `None`.
fn out_of_bounds<N: Display, T>(
    at: &str,
    min: Option<N>,
    max: Option<N>,
    found: impl Display,
    problems: &mut Problems,
) -> Option<T> {
    problems.add(match (min, max) {
        (Some(min), Some(max)) => format!("`{at}` must be from {min} to {max}, not {found}"),
        (Some(min), None) => format!("`{at}` must be at least {min}, not {found}"),
        (None, Some(max)) => format!("`{at}` must be at most {max}, not {found}"),
        (None, None) => format!("`{at}` is out of bounds: {found}"),
    });
    None
}

impl ParameterValue for bool {
    fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self> {
        value.as_bool().or_else(|| problems.wrong_type(at, "true or false", value))
    }

    fn schema(out: &mut String, _: &Bounds) {
        out.push_str("\"type\":\"boolean\"");
    }

    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl ParameterValue for String {
    const IS_TEXT: bool = true;

    fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self> {
        value.as_str().map(str::to_owned).or_else(|| problems.wrong_type(at, "a text", value))
    }

    fn schema(out: &mut String, _: &Bounds) {
        out.push_str("\"type\":\"string\"");
    }

    fn write(&self, out: &mut String) {
        let quoted = serde_json::to_string(self).expect("a string can always be written as JSON");
        out.push_str(&quoted);
    }

    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl<T: ParameterValue> ParameterValue for Option<T> {
    const IS_TEXT: bool = T::IS_TEXT;

    fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::read(value, at, problems).map(Some) }
    }

    fn schema(out: &mut String, bounds: &Bounds) {
        T::schema(out, bounds);
    }

    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }

    fn missing() -> Option<Self> {
        Some(None)
    }

    fn text(&self) -> Option<&str> {
        self.as_ref().and_then(T::text)
    }
}

impl<T: Bounded<Number: Copy>> Bounded for Option<T> {
    type Number = T::Number;

    fn check(&self, at: &str, min: Option<T::Number>, max: Option<T::Number>, problems: &mut Problems) {
        if let Some(value) = self {
            value.check(at, min, max, problems);
        }
    }
}

impl<T: ParameterValue> ParameterValue for Vec<T> {
    fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self> {
        let Value::Array(items) = value else { return problems.wrong_type(at, "a list", value) };
        let read = items.iter().enumerate().map(|(i, item)| T::read(item, &format!("{at}[{i}]"), problems));
        // All items are read before the first `None` ends the loop, so that all problems are reported.
        let read: Vec<_> = read.collect();
        read.into_iter().collect()
    }

    fn schema(out: &mut String, bounds: &Bounds) {
        out.push_str("\"type\":\"array\",\"items\":{");
        T::schema(out, bounds);
        out.push('}');
    }

    fn write(&self, out: &mut String) {
        out.push('[');
        for (i, item) in self.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            item.write(out);
        }
        out.push(']');
    }
}

impl<T: Bounded<Number: Copy>> Bounded for Vec<T> {
    type Number = T::Number;

    fn check(&self, at: &str, min: Option<T::Number>, max: Option<T::Number>, problems: &mut Problems) {
        for (i, item) in self.iter().enumerate() {
            item.check(&format!("{at}[{i}]"), min, max, problems);
        }
    }
}

impl ParameterValue for Value {
    fn read(value: &Value, _: &str, _: &mut Problems) -> Option<Self> {
        Some(value.clone())
    }

    fn schema(_: &mut String, _: &Bounds) {}

    fn write(&self, out: &mut String) {
        let _ = write!(out, "{self}");
    }
}

/// No parameters: an empty object.
impl ParameterValue for () {
    fn read(value: &Value, at: &str, problems: &mut Problems) -> Option<Self> {
        Object::new(value, at, &[], problems).map(|_| ())
    }

    fn schema(out: &mut String, _: &Bounds) {
        out.push_str("\"type\":\"object\",\"properties\":{},\"additionalProperties\":false");
    }

    fn write(&self, out: &mut String) {
        out.push_str("{}");
    }
}
