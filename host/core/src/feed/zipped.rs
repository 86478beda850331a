//! Rows of several spools, side by side.

use std::sync::Arc;

use super::kept::KeptFeed;
use super::{Feed, Portion, Tell};
use crate::failure::{Failure, FailureKind};
use crate::plan::Zip;
use crate::spool::{Spool, SpoolError};
use crate::stage::Stage;

/// Reads spools of the same length in batches of the same rows.
#[derive(Debug)]
pub(super) struct ZippedFeed {
    name: Arc<str>,
    feeds: Vec<KeptFeed>,
    /// For each, whose rows they are, and how many there are.
    lengths: Vec<(String, u64)>,
}

impl ZippedFeed {
    pub(super) fn open(zip: &Zip, spools: &[Arc<Spool>], batch_rows: usize) -> Result<Self, SpoolError> {
        let mut feeds = Vec::with_capacity(zip.kept.len());
        let mut lengths = Vec::with_capacity(zip.kept.len());
        for (kept, title) in &zip.kept {
            feeds.push(KeptFeed::open(&spools[*kept], Some(batch_rows))?);
            lengths.push((title.clone(), spools[*kept].rows()));
        }
        Ok(Self { name: Arc::clone(&zip.name), feeds, lengths })
    }
}

impl Feed for ZippedFeed {
    fn next(&mut self, _: &Stage, _: Tell<'_>) -> Result<Option<Portion>, Box<Failure>> {
        let (first_title, length) = &self.lengths[0];
        if let Some((title, other)) = self.lengths.iter().find(|(_, other)| other != length) {
            let message = format!(
                "the columns cannot be joined, because there are {length} rows of {first_title} and {other} of {title}"
            );
            let mut failure = Failure::new(FailureKind::Incompatible, message);
            failure.step = Some(Arc::clone(&self.name));
            let hint =
                "`combine = \"columns\"` joins rows by their position, so all parents have to have the same rows";
            return Err(Box::new(failure.with_hint(hint)));
        }
        let mut rows = Vec::with_capacity(self.feeds.len());
        let mut start = 0;
        for feed in &mut self.feeds {
            let Some((first, batch)) = feed.batch()? else { return Ok(None) };
            start = first;
            rows.push(batch);
        }
        let name = format!("the rows that come to \"{}\"", self.name).into();
        Ok(Some(Portion::ready(rows, &name, start)))
    }
}
