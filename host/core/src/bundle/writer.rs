//! Writes the bundles of a run.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use parking_lot::Mutex;
use serde_json::Value;

use super::file::{Bundle, BundleError, MAX_COMPONENT, MAX_FILE, packed, write_batch};
use super::head::{BundleHead, ComponentPart, GrantsPart, LimitsPart};
use super::{Bundles, masked};
use crate::batch::Rows;
use crate::component::{Component, ComponentFile};
use crate::failure::{Failure, FailureKind, RowPlace};
use crate::grants::{Grants, Redactor};
use crate::instance_log::LogContent;
use crate::os;
use crate::plan::Step;
use crate::private_dir::create_temporary;
use crate::text::causes;
use crate::units::format_size;

/// Places of rows in a bundle. Rows after them are named by their index.
const MAX_PLACES: usize = 10_000;

/// Writes the bundles of one run.
pub(crate) struct BundleWriter {
    bundles: Bundles,
    redactor: Redactor,
    run: Arc<str>,
    pipeline: String,
    /// Compressed components by their digest.
    components: Mutex<BTreeMap<Arc<str>, Arc<PackedComponent>>>,
}

/// The bytes of a component for bundles, or why they are left out.
type PackedComponent = Result<Vec<u8>, String>;

/// The parts of a bundle that are known once its call has ended.
#[derive(Debug, Default)]
pub(crate) struct CallEvidence {
    /// The rows of the call.
    pub(crate) range: Range<usize>,
    pub(crate) log: LogContent,
    /// Batches that the instance had processed before.
    pub(crate) earlier_batches: u64,
}

/// A call that failed.
pub(crate) struct FailedCall<'a> {
    pub(crate) step: &'a Step,
    /// The seed of the instance.
    pub(crate) seed: u64,
    /// The batches of the instance, the failing one last.
    pub(crate) batches: Vec<RecordBatch>,
    /// The places of the rows of the last batch.
    pub(crate) places: Vec<RowPlace>,
    /// Calls of `finish`, the failing one last.
    pub(crate) finishes: u64,
    pub(crate) earlier_batches: u64,
    pub(crate) log: LogContent,
    pub(crate) is_row_searched: bool,
}

/// The rows of a bundle.
#[derive(Default)]
struct RowsPart {
    batches: Vec<RecordBatch>,
    left_out: Vec<String>,
    is_redacted: bool,
}

/// Why a bundle was not written.
#[derive(Debug, thiserror::Error)]
enum BundleWriteError {
    #[error("the rows cannot be encoded: {0}")]
    Rows(#[from] ArrowError),
    #[error("the record cannot be encoded: {0}")]
    Head(#[from] serde_json::Error),
    /// A secret is the digits of a number, or a name that a record always has.
    #[error("secrets cannot be removed from its record: {0}")]
    Secret(serde_json::Error),
    #[error("its rows and responses take {}, and a bundle may have {}", format_size(*.size), format_size(*.limit))]
    TooLarge { size: u64, limit: u64 },
    #[error("a replay could not read it: {}", causes_in_line(.0))]
    Unreadable(#[from] BundleError),
    #[error("cannot write to {}: {source}", .folder.display())]
    Io { folder: PathBuf, source: io::Error },
}

/// Returns the places of the rows of a call.
pub(crate) fn places(rows: &Rows, range: Range<usize>) -> Vec<RowPlace> {
    range.take(MAX_PLACES).map_while(|row| rows.place(row)).collect()
}

impl BundleWriter {
    pub(crate) fn new(bundles: &Bundles, redactor: Redactor, run: &Arc<str>, pipeline: &str) -> Self {
        let (bundles, run, pipeline) = (bundles.clone(), Arc::clone(run), pipeline.to_owned());
        Self { bundles, redactor, run, pipeline, components: Mutex::default() }
    }

    /// Writes the bundle of a failure that ends the run. Stops, and failures of the host, have none.
    pub(crate) fn write(&self, call: &FailedCall<'_>, failure: &Failure) {
        if matches!(failure.kind, FailureKind::Interrupted | FailureKind::Host) {
            return;
        }
        let step = Arc::clone(&call.step.name);
        match self.try_write(call, failure) {
            Ok(path) => self.bundles.state.lock().written.push(path),
            Err(error) => {
                let place = failure.row.as_ref().map_or_else(String::new, |row| format!(" at {row}"));
                let problem = format!("the failure of step \"{step}\"{place} has no bundle: {error}");
                self.bundles.state.lock().problems.push(problem);
            }
        }
    }

    /// Notes that an instance was given too many rows for a bundle.
    pub(crate) fn too_many_rows(&self, failure: &Failure) {
        let step = failure.step.as_deref().unwrap_or_default();
        let problem = format!(
            "the failure of step \"{step}\" has no bundle: its instance was given more than 64 MiB of rows, and a replay needs all of \
             them"
        );
        self.bundles.state.lock().problems.push(problem);
    }

    /// Writes the bundle of a rejected row, if there are not enough of them. The call is made up only then.
    pub(crate) fn write_rejected<'a>(&self, failure: &Failure, call: impl FnOnce() -> FailedCall<'a>) {
        if self.bundles.reserve() {
            self.write(&call(), failure);
        }
    }

    /// Returns whether a rejected row may have a bundle.
    pub(crate) fn has_place(&self) -> bool {
        self.bundles.has_place()
    }

    fn try_write(&self, call: &FailedCall<'_>, failure: &Failure) -> Result<PathBuf, BundleWriteError> {
        let RowsPart { batches, left_out, is_redacted } = self.rows(call)?;
        let encoded = batches.iter().map(write_batch).collect::<Result<Vec<_>, _>>()?;
        let component = self.component(&call.step.component);
        let mut head = self.head(call, failure, left_out)?;
        head.is_redacted |= is_redacted;
        if let Err(reason) = &*component {
            head.component.omitted = Some(reason.clone());
        }
        let bytes = to_bytes(&mut head, component.as_deref().ok(), &encoded, self.bundles.max_bytes)?;
        let path = self.bundles.directory.join(self.file_name(&head));
        let write = || {
            fs::create_dir_all(&self.bundles.directory)?;
            let mut file = create_temporary(&path)?;
            file.write_all(&bytes)?;
            os::persist(file, &path)?;
            Ok(())
        };
        write().map_err(|source| BundleWriteError::Io { folder: self.bundles.directory.clone(), source })?;
        Ok(path)
    }

    /// Returns the rows without secrets and without columns that are to be left out.
    fn rows(&self, call: &FailedCall<'_>) -> Result<RowsPart, ArrowError> {
        let Some(schema) = call.batches.first().map(RecordBatch::schema) else { return Ok(RowsPart::default()) };
        let is_read = |index: usize| call.step.inputs.contains(&Some(index));
        let is_named = |name: &String| self.bundles.columns.as_ref().is_none_or(|columns| columns.contains(name));
        let is_kept = |index: &usize| is_read(*index) || is_named(schema.field(*index).name());
        let (kept, rest): (Vec<_>, Vec<_>) = (0..schema.fields().len()).partition(is_kept);
        let left_out = rest.into_iter().map(|index| schema.field(index).name().clone()).collect();
        let mut part = RowsPart { left_out, ..RowsPart::default() };
        for batch in &call.batches {
            let batch = batch.project(&kept)?;
            let masked = masked::rows(&batch, &self.redactor)?;
            part.is_redacted |= !self.redactor.is_empty() && masked.columns() != batch.columns();
            part.batches.push(masked);
        }
        Ok(part)
    }

    fn head(
        &self,
        call: &FailedCall<'_>,
        failure: &Failure,
        left_out: Vec<String>,
    ) -> Result<BundleHead, BundleWriteError> {
        let step = call.step;
        let schema = call.batches.first().map(RecordBatch::schema);
        let name = |input: &Option<usize>| Some(schema.as_ref()?.field((*input)?).name().clone());
        let columns = step.signature.inputs.iter().zip(&step.inputs);
        let file = step.component.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut head = BundleHead {
            stillbox: env!("CARGO_PKG_VERSION").into(),
            contract: step.component.contract().into(),
            run: self.run.to_string(),
            pipeline: self.pipeline.clone(),
            step: step.name.to_string(),
            component: ComponentPart {
                digest: step.component.digest().to_string(),
                file,
                size: step.component.size(),
                omitted: None,
            },
            parameters: step.parameters.to_string(),
            seed: call.seed,
            batches: call.batches.len() as u32,
            finishes: call.finishes,
            earlier_batches: call.earlier_batches,
            places: call.places.clone(),
            columns: columns.filter_map(|(column, input)| Some((column.name.to_string(), name(input)?))).collect(),
            left_out,
            limits: LimitsPart::new(&step.limits),
            grants: grants(step),
            log: call.log.clone(),
            failure: failure.clone(),
            is_row_searched: call.is_row_searched,
            is_redacted: false,
        };
        if !self.redactor.is_empty() {
            redact(&mut head, &self.redactor)?;
        }
        Ok(head)
    }

    /// Returns the compressed component.
    fn component(&self, component: &Component) -> Arc<PackedComponent> {
        let digest = component.digest();
        if let Some(known) = self.components.lock().get(digest) {
            return Arc::clone(known);
        }
        let packed = Arc::new(self.packed(component));
        self.components.lock().insert(Arc::clone(digest), Arc::clone(&packed));
        packed
    }

    fn packed(&self, component: &Component) -> PackedComponent {
        // The compiled code is in memory, not the file.
        let file = ComponentFile::read(component.path()).map_err(|error| error.to_string())?;
        if file.digest != *component.digest() {
            return Err("its file has changed since the start of the run".into());
        }
        if file.bytes().len() as u64 > MAX_COMPONENT {
            return Err(format!("it is larger than {}", format_size(MAX_COMPONENT)));
        }
        if self.redactor.is_in(file.bytes()) {
            return Err("it contains a secret".into());
        }
        packed(file.bytes()).map_err(|error| error.to_string())
    }

    /// Returns the name of a bundle: the run, the step, the batch and the row, or the first row of the call.
    fn file_name(&self, head: &BundleHead) -> String {
        let is_plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
        let step: String = head.step.chars().take(60).map(|c| if is_plain(c) { c } else { '_' }).collect();
        let mut name = format!("{}-{step}", self.run);
        let failure = &head.failure;
        if let Some(batch) = failure.batch {
            let _ = write!(name, "-batch{batch}");
        }
        if let Some(row) = failure.row.as_ref().or(head.places.first()) {
            let _ = write!(name, "-row{}", row.index);
        }
        name + ".bundle"
    }
}

/// Returns the bytes of a bundle, without the component if it would be too large with it.
///
/// # Errors
/// It would be larger than `limit`, or than a replay reads.
fn to_bytes(
    head: &mut BundleHead,
    component: Option<&[u8]>,
    batches: &[Vec<u8>],
    limit: u64,
) -> Result<Vec<u8>, BundleWriteError> {
    let limit = limit.min(MAX_FILE);
    let mut bytes = Bundle::to_bytes(head, component, batches)?;
    if bytes.len() as u64 > limit && head.component.omitted.is_none() {
        head.component.omitted = Some(format!("the bundle would be larger than {}", format_size(limit)));
        bytes = Bundle::to_bytes(head, None, batches)?;
    }
    let size = bytes.len() as u64;
    if size > limit {
        return Err(BundleWriteError::TooLarge { size, limit });
    }
    // The limits on the head and the rows are those of the reader, which counts values as plain data.
    Bundle::without_component(&bytes)?;
    Ok(bytes)
}

/// Removes secrets from a head.
///
/// # Errors
/// A secret is in a place that cannot be another text.
fn redact(head: &mut BundleHead, redactor: &Redactor) -> Result<(), BundleWriteError> {
    for request in &mut head.log.requests {
        let bodies = request.body.iter_mut().chain(request.response.iter_mut().map(|response| &mut response.body));
        for body in bodies.filter(|body| redactor.is_in(body)) {
            redactor.mask(body);
            head.is_redacted = true;
        }
    }
    let mut parameters: Value = serde_json::from_str(&head.parameters).unwrap_or(Value::Null);
    head.is_redacted |= redactor.redact_json_and_numbers(&mut parameters);
    head.parameters = parameters.to_string();
    // All other texts: a secret in one of them is found whatever the field is.
    let mut value = serde_json::to_value(&*head).map_err(BundleWriteError::Secret)?;
    let is_redacted = redactor.redact_json_and_numbers(&mut value) || head.is_redacted;
    *head = BundleHead { is_redacted, ..serde_json::from_value(value).map_err(BundleWriteError::Secret)? };
    Ok(())
}

/// Returns an error and its causes in one line.
fn causes_in_line(error: &BundleError) -> String {
    [error.to_string()].into_iter().chain(causes(error).map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}

fn grants(step: &Step) -> GrantsPart {
    let Grants { http, dirs, .. } = &*step.grants;
    let http = http.iter().map(|grant| format!("{} {}", grant.method_names().join(","), grant.url()));
    let access = |writable| if writable { "write" } else { "read" };
    let dirs = dirs.iter().map(|dir| format!("{} {}", access(dir.is_writable()), dir.guest_path()));
    let env = step.access.as_ref().map_or_else(Vec::new, |access| access.env().to_vec());
    GrantsPart { http: http.collect(), dirs: dirs.collect(), env }
}

#[cfg(test)]
mod tests;
