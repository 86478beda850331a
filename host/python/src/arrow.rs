//! Arrow data in and out by the `PyCapsule` interface, which needs no Arrow library in Python.
//!
//! The crate `arrow-pyarrow` does the same for pyarrow alone, and needs another version of `pyo3`.
#![expect(unsafe_code, reason = "the structures of Arrow's C interface are passed by pointers")]

use std::any::Any;
use std::ffi::CStr;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi};
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{
    Array, ArrayRef, GenericStringArray, OffsetSizeTrait, RecordBatch, RecordBatchIterator, RecordBatchOptions,
    RecordBatchReader as _, StructArray,
};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};
use stillbox::catch_panic;

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";
const STREAM: &CStr = c"arrow_array_stream";

/// Record batches from Python.
pub(crate) enum Input {
    /// One batch, from an object with `__arrow_c_array__`.
    Batch(RecordBatch),
    /// From an object with `__arrow_c_stream__`. Reading may call Python.
    Stream(RecordBatchStreamReader),
}

impl Input {
    /// Takes the data of an object.
    ///
    /// # Errors
    /// `TypeError`: it has neither `__arrow_c_array__` nor `__arrow_c_stream__`. `ValueError`: it is not a table.
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Some(export) = object.getattr_opt("__arrow_c_array__")? {
            return import_batch(&export.call0()?).map(Self::Batch);
        }
        if let Some(export) = object.getattr_opt("__arrow_c_stream__")? {
            return import_stream(&export.call0()?).map(Self::Stream);
        }
        let name = object.get_type().qualname()?;
        Err(PyTypeError::new_err(format!(
            "{name} has no `__arrow_c_stream__`: pass a table of pyarrow, pandas, polars or DuckDB, or any other object of \
             Arrow's PyCapsule interface"
        )))
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        match self {
            Self::Batch(batch) => batch.schema(),
            Self::Stream(stream) => stream.schema(),
        }
    }
}

/// Imports rows of another library, and checks all that this one relies on: the interface has pointers without lengths, and
/// Arrow panics, or trusts the other side, where buffers or texts are not as the schema says.
///
/// # Errors
/// The error of the import, or the column that is not valid.
pub(crate) fn checked(import: impl FnOnce() -> Result<RecordBatch, ArrowError>) -> Result<RecordBatch, ArrowError> {
    let batch = caught(import)?;
    for (column, field) in batch.columns().iter().zip(batch.schema_ref().fields()) {
        validate(column).map_err(|error| {
            let name = field.name();
            ArrowError::InvalidArgumentError(format!("the column `{name}` is not valid: {}", message(&error)))
        })?;
    }
    Ok(batch)
}

/// Checks all that Arrow relies on. Texts take a shorter way: the check of Arrow takes as long as the rest of a call.
fn validate(column: &ArrayRef) -> Result<(), ArrowError> {
    let data = column.to_data();
    // Afterwards the first and the last offset are within the buffer.
    data.validate()?;
    let has_valid_texts = match column.data_type() {
        DataType::Utf8 => are_texts(column.as_string::<i32>()),
        DataType::LargeUtf8 => are_texts(column.as_string::<i64>()),
        _ => false,
    };
    // The whole check names the first value that is not valid.
    if has_valid_texts { data.validate_nulls() } else { data.validate_full() }
}

/// Returns whether all texts are UTF-8, and none is outside of the column.
fn are_texts<O: OffsetSizeTrait>(column: &GenericStringArray<O>) -> bool {
    let offsets = column.value_offsets();
    let position = |offset: &O| offset.to_usize().unwrap_or(usize::MAX);
    let (Some(first), Some(last)) = (offsets.first().map(position), offsets.last().map(position)) else {
        return true;
    };
    let Some(Ok(text)) = column.value_data().get(first..last).map(simdutf8::basic::from_utf8) else { return false };
    offsets.is_sorted() && offsets.iter().all(|offset| text.is_char_boundary(position(offset) - first))
}

fn caught<T>(import: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, ArrowError> {
    catch_panic(import).unwrap_or_else(|panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it cannot be imported");
        Err(ArrowError::InvalidArgumentError(format!("the data does not have the form of its schema: {text}")))
    })
}

fn import_batch(capsules: &Bound<'_, PyAny>) -> PyResult<RecordBatch> {
    let (schema, array): (Bound<'_, PyCapsule>, Bound<'_, PyCapsule>) = capsules.extract()?;
    let schema = schema.pointer_checked(Some(SCHEMA))?.cast::<FFI_ArrowSchema>();
    let array = array.pointer_checked(Some(ARRAY))?.cast::<FFI_ArrowArray>();
    // SAFETY: capsules of these names have pointers to these structures, which are valid as long as the capsules. Both are
    // moved out, as the interface has it; the capsules then free an empty structure.
    let (array, schema) =
        unsafe { (FFI_ArrowArray::from_raw(array.as_ptr()), FFI_ArrowSchema::from_raw(schema.as_ptr())) };
    checked(|| {
        // SAFETY: the structures are those of an object of the interface.
        let array = arrow_array::make_array(unsafe { from_ffi(array, &schema) }?);
        let wrong = |message: String| Err(ArrowError::InvalidArgumentError(message));
        match array.as_any().downcast_ref::<StructArray>() {
            Some(rows) if rows.null_count() == 0 => {
                // The schema of the rows has the metadata of the table as well.
                let schema = Arc::new(Schema::try_from(&schema)?);
                let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
                RecordBatch::try_new_with_options(schema, rows.columns().to_vec(), &options)
            }
            Some(_) => wrong("the array has rows that are null as a whole, so it is not a table".to_owned()),
            None => wrong(format!("the array is of type {}, not a table", array.data_type())),
        }
    })
    .map_err(|error| value_error(&error))
}

fn import_stream(capsule: &Bound<'_, PyAny>) -> PyResult<RecordBatchStreamReader> {
    let capsule = capsule.cast::<PyCapsule>()?;
    let stream = capsule.pointer_checked(Some(STREAM))?.cast::<FFI_ArrowArrayStream>();
    // SAFETY: a capsule of this name has a pointer to a stream, which is moved out.
    caught(|| unsafe { RecordBatchStreamReader::from_raw(stream.as_ptr()) }).map_err(|error| {
        let cause = message(&error);
        PyValueError::new_err(format!(
            "the columns of the stream cannot be read: {cause}\n  hint: pass a table, not a single column"
        ))
    })
}

pub(crate) fn value_error(error: &ArrowError) -> PyErr {
    PyValueError::new_err(message(error))
}

/// The text of an error, without the name of its kind where that means nothing to users.
fn message(error: &ArrowError) -> String {
    match error {
        ArrowError::InvalidArgumentError(text) | ArrowError::CDataInterface(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Rows for Python: an object with `__arrow_c_stream__`, and `__arrow_c_array__` for a single batch.
#[pyclass(frozen, module = "stillbox")]
pub(crate) struct Batches {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Batches {
    pub(crate) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }
}

#[pymethods]
impl Batches {
    /// The number of rows.
    fn __len__(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The names of the columns.
    #[getter]
    fn column_names(&self) -> Vec<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Whether the rows are one batch, so that there is `__arrow_c_array__`.
    #[getter]
    fn is_one_batch(&self) -> bool {
        self.batches.len() == 1
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        // The interface allows to ignore the request.
        drop(requested_schema);
        let batches: Vec<Result<RecordBatch, ArrowError>> = self.batches.iter().cloned().map(Ok).collect();
        let reader = RecordBatchIterator::new(batches, Arc::clone(&self.schema));
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
    }

    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        drop(requested_schema);
        let [batch] = &*self.batches else {
            let message = format!("the rows are {} batches, not one; use __arrow_c_stream__", self.batches.len());
            return Err(PyValueError::new_err(message));
        };
        let (array, _) = to_ffi(&StructArray::from(batch.clone()).into_data()).map_err(|error| value_error(&error))?;
        // With the metadata of the schema, which an array does not have.
        let schema = FFI_ArrowSchema::try_from(&*self.schema).map_err(|error| value_error(&error))?;
        let schema = PyCapsule::new_with_value(py, schema, SCHEMA)?;
        let array = PyCapsule::new_with_value(py, array, ARRAY)?;
        PyTuple::new(py, [schema, array])
    }
}
