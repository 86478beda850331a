//! Columns of JSON Lines and CSV whose values are lists, structs and maps in the host.
//!
//! The formats read such a column as JSON. It is converted here, so that Parquet and Arrow have lists and structs, and not their
//! text. The types are declared in `columns`, or inferred from the first rows with `nested = "arrow"`.

mod build;
mod infer;

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::{FieldRef, Schema, SchemaRef};
use arrow_select::take::take_record_batch;

use super::bad_row::BadRow;
use super::chunk::{Chunk, DecodedBatch, Decoder, LineOrRow, Reader};
use super::error::{SourceError, SourceErrorKind};
use super::place::{FilePosition, InputPosition};
use super::text::SAMPLE_ROWS;
use super::{OpenSource, SourceSchema, SourceSpec};
use crate::data_type::{DataType, NestedType};
use crate::policy::Then;
use crate::text::named;
use build::build;
use infer::ObservedType;

/// Converts the nested columns of a source.
///
/// # Errors
/// The first rows, from which types are inferred, cannot be read.
pub(super) fn convert(source: OpenSource, spec: &SourceSpec) -> Result<OpenSource, SourceError> {
    let SourceSchema::Known(schema) = &source.schema else { return Ok(source) };
    let (mut types, mut buffered) = (spec.nested.clone(), VecDeque::new());
    let mut source = OpenSource { schema: SourceSchema::Known(Arc::clone(schema)), ..source };
    if spec.infers_nested {
        let schema = Arc::clone(schema_of(&source));
        let is_declared = |name: &String| spec.columns.iter().any(|(declared, _)| declared == name);
        let inferred: Vec<usize> = schema
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| DataType::from_field(field) == Some(DataType::Json) && !is_declared(field.name()))
            .map(|(index, _)| index)
            .collect();
        let mut observed = vec![ObservedType::default(); inferred.len()];
        let mut rows = 0;
        while !inferred.is_empty() && rows < SAMPLE_ROWS {
            let Some(chunk) = source.reader.next_chunk()? else { break };
            let batch = source.decoder.decode_all(chunk.clone())?.0.rows;
            for (observed, index) in observed.iter_mut().zip(&inferred) {
                let texts = batch.column(*index).as_string::<i32>();
                texts.iter().take(SAMPLE_ROWS - rows).flatten().for_each(|text| observed.add(text));
            }
            rows += batch.num_rows();
            buffered.push_back(chunk);
        }
        for (observed, index) in observed.into_iter().zip(inferred) {
            let found = observed.into_type();
            if !matches!(found, NestedType::Plain(_)) {
                types.push((schema.field(index).name().clone(), found));
            }
        }
    }
    if !types.is_empty() {
        let decoder = NestedDecoder::new(
            Arc::clone(&source.decoder),
            schema_of(&source),
            &types,
            spec.on_bad_row == Then::Reject,
        );
        source.schema = SourceSchema::Known(Arc::clone(&decoder.schema));
        source.decoder = Arc::new(decoder);
        source.carried = None;
    }
    if !buffered.is_empty() {
        source.reader = Box::new(BufferedReader { buffered, rest: source.reader });
    }
    Ok(source)
}

fn schema_of(source: &OpenSource) -> &SchemaRef {
    match &source.schema {
        SourceSchema::Known(schema) => schema,
        SourceSchema::Empty => unreachable!("a source without columns has no nested ones"),
    }
}

/// Returns the chunks of the sample first.
struct BufferedReader {
    buffered: VecDeque<Chunk>,
    rest: Box<dyn Reader>,
}

impl Reader for BufferedReader {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        match self.buffered.pop_front() {
            Some(chunk) => Ok(Some(chunk)),
            None => self.rest.next_chunk(),
        }
    }
}

/// Decodes rows, and converts their nested columns.
struct NestedDecoder {
    rows: Arc<dyn Decoder>,
    schema: SchemaRef,
    /// For each column, its type if it is nested.
    types: Vec<Option<NestedType>>,
    /// Whether rows with other values are rejected.
    rejects: bool,
}

impl NestedDecoder {
    fn new(rows: Arc<dyn Decoder>, schema: &SchemaRef, nested: &[(String, NestedType)], rejects: bool) -> Self {
        let type_of = |name: &String| nested.iter().find(|(column, _)| column == name).map(|(_, found)| found.clone());
        let types: Vec<Option<NestedType>> = schema.fields().iter().map(|field| type_of(field.name())).collect();
        let fields = schema.fields().iter().zip(&types).map(|(field, nested)| -> FieldRef {
            nested.as_ref().map_or_else(|| Arc::clone(field), |nested| Arc::new(nested.field(field.name())))
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { rows, schema, types, rejects }
    }

    /// Converts the nested columns of some rows.
    ///
    /// # Errors
    /// A value does not have its column's type: the reason, and the value.
    fn converted<'d>(&self, decoded: &'d DecodedBatch) -> Result<RecordBatch, (SourceError, &'d str)> {
        let mut columns = Vec::with_capacity(decoded.rows.num_columns());
        for ((column, nested), field) in decoded.rows.columns().iter().zip(&self.types).zip(self.schema.fields()) {
            let Some(nested) = nested else {
                columns.push(Arc::clone(column));
                continue;
            };
            let texts = column.as_string::<i32>();
            let values: Vec<Option<&str>> = texts.iter().collect();
            let built = build(nested, &values).map_err(|mismatch| {
                let place = decoded.positions.position(mismatch.row);
                let position = match place.unit {
                    LineOrRow::Line(line) => FilePosition::Line(line),
                    LineOrRow::Row(row) => FilePosition::Row(row),
                };
                let column = format!("{}{}", named(field.name()), mismatch.path);
                let kind = SourceErrorKind::Nested { column, expected: mismatch.expected, found: mismatch.found };
                let value = values[mismatch.row].unwrap_or_default();
                (SourceError::at(&place.file, position, kind), value)
            })?;
            columns.push(built);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(decoded.rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .expect("every column has the type of its field and a value for every row"))
    }

    /// Converts the nested columns of all rows that have the types, and returns the others.
    fn divided(&self, decoded: &DecodedBatch) -> (DecodedBatch, Vec<BadRow>) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for row in 0..decoded.rows.num_rows() {
            match self.converted(&select(decoded, &[row])) {
                Ok(_) => good.push(row),
                Err((error, value)) => bad.push(BadRow::new(error, value.as_bytes())),
            }
        }
        let good = select(decoded, &good);
        let rows = self.converted(&good).unwrap_or_else(|_| unreachable!("each of the rows was converted alone"));
        (DecodedBatch { rows, ..good }, bad)
    }
}

fn select(decoded: &DecodedBatch, rows: &[usize]) -> DecodedBatch {
    let indices: UInt32Array = rows.iter().map(|row| *row as u32).collect();
    let batch = take_record_batch(&decoded.rows, &indices).expect("the rows are in the batch");
    DecodedBatch { rows: batch, positions: decoded.positions.select(rows), carried: None }
}

impl Decoder for NestedDecoder {
    fn decode(&self, chunk: Chunk) -> Result<DecodedBatch, SourceError> {
        let decoded = self.rows.decode(chunk)?;
        let rows = self.converted(&decoded).map_err(|(error, _)| error)?;
        Ok(DecodedBatch { rows, ..decoded })
    }

    fn decode_all(&self, chunk: Chunk) -> Result<(DecodedBatch, Vec<BadRow>), SourceError> {
        let (decoded, mut bad) = self.rows.decode_all(chunk)?;
        match self.converted(&decoded) {
            Ok(rows) => Ok((DecodedBatch { rows, ..decoded }, bad)),
            Err(_) if self.rejects => {
                let (decoded, mismatched) = self.divided(&decoded);
                bad.extend(mismatched);
                // In the order of the input.
                bad.sort_by_key(|bad| bad.error.place.as_ref().and_then(InputPosition::number));
                Ok((decoded, bad))
            }
            Err((error, _)) => Err(error),
        }
    }
}
