//! Requests for embeddings.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::attempts::{NoAnswer, Outgoing, UsedTokens};
use super::batch::ModelEnd;
use super::client::{ModelClient, SharedModel, StoredPlace};
use super::followed::FollowedRequest;
use super::journal::Stored;
use super::tasks::CallTasks;
use super::total::TotalBytes;
use crate::http::ResponseStore;
use crate::model::{AnswerError, AnswerErrorKind, ModelFailure, Vectors};
use crate::monitor::CallMonitor;

/// Texts in one request.
pub(super) const TEXTS: usize = 64;
/// Bytes of the texts in one request, unless a single text has more.
const TEXT_BYTES: usize = 256 << 10;

/// The embedding of a text, or why there is none.
pub(super) type Embedded = Result<Vec<f32>, AnswerError>;

/// A text, and where its embedding is stored.
struct PlacedText {
    index: usize,
    text: String,
    place: StoredPlace,
}

impl ModelClient {
    /// Returns the embeddings of all texts, in their order. Those that are stored are not requested.
    ///
    /// # Errors
    /// No request can succeed, or some are deferred.
    pub(super) async fn embed(
        &self,
        texts: Vec<String>,
        store: Option<&Arc<dyn ResponseStore>>,
        followed: Option<&CallMonitor>,
    ) -> Result<Vec<Embedded>, ModelEnd> {
        let url = self.shared.endpoint("embeddings")?;
        let total = TotalBytes::default();
        let (mut embedded, mut missing) = (Vec::with_capacity(texts.len()), Vec::new());
        for (index, text) in texts.into_iter().enumerate() {
            let body = body(&self.shared, &[&text]);
            // An embedding depends on the text alone, so all steps and batches share it.
            let place = StoredPlace::new((&url, &body), (b"embedding", 0), store);
            if let Some(Stored::Vector(vector, _)) = place.get(&self.shared)? {
                embedded.push(Some(bounded(&total, vector)));
            } else {
                embedded.push(None);
                missing.push(PlacedText { index, text, place });
            }
        }
        let mut tasks = CallTasks::default();
        for group in groups(missing) {
            let model = Arc::clone(&self.shared);
            let (total, followed) = (total.clone(), followed.cloned());
            tasks.start(self, async move {
                let group = model.embed_group(group, followed.as_ref()).await?.into_iter();
                Ok(group.map(|(index, result)| (index, result.and_then(|vector| bounded(&total, vector)))).collect())
            })?;
        }
        tasks.collect(&mut embedded).await?;
        embedded.into_iter().map(|result| result.ok_or_else(|| self.without_answer())).collect()
    }
}

/// Counts an embedding.
fn bounded(total: &TotalBytes, vector: Vec<f32>) -> Embedded {
    total.add(size_of_val(&*vector))?;
    Ok(vector)
}

/// Divides texts into requests.
fn groups(texts: Vec<PlacedText>) -> Vec<Vec<PlacedText>> {
    let mut groups: Vec<Vec<PlacedText>> = Vec::new();
    let mut bytes = 0;
    for text in texts {
        bytes += text.text.len();
        match groups.last_mut() {
            Some(group) if group.len() < TEXTS && bytes <= TEXT_BYTES => group.push(text),
            _ => {
                bytes = text.text.len();
                groups.push(vec![text]);
            }
        }
    }
    groups
}

fn body(model: &SharedModel, texts: &[&str]) -> Bytes {
    let mut body: Map<String, Value> = model.settings.body.clone();
    body.insert("model".into(), model.settings.model.clone().into());
    body.insert("input".into(), texts.iter().map(|text| Value::from(*text)).collect());
    Value::Object(body).to_string().into()
}

impl SharedModel {
    /// Returns the embeddings of some texts, each with its index, and stores them. If the server rejects the request, its texts are
    /// divided until the one that it rejects is alone.
    async fn embed_group(
        &self,
        texts: Vec<PlacedText>,
        followed: Option<&CallMonitor>,
    ) -> Result<Vec<(usize, Embedded)>, ModelFailure> {
        let url = self.endpoint("embeddings")?;
        let probe = json!({ "model": self.settings.model, "input": ["Hi"] });
        let (mut done, mut waiting) = (Vec::with_capacity(texts.len()), vec![texts]);
        while let Some(mut group) = waiting.pop() {
            let inputs: Vec<&str> = group.iter().map(|text| text.text.as_str()).collect();
            let (body, count) = (body(self, &inputs), group.len());
            let first = group[0].place.key;
            let outgoing = Outgoing { url: &url, body: &body, max_tokens: Some(0), place: first, probe: &probe };
            let place = self.place().await?;
            let mut used = UsedTokens::default();
            let follow = followed.filter(|_| !self.settings.batch).map(|call| FollowedRequest::new(call, &url));
            let received = self.send(outgoing, &mut used, |json| Vectors::read(json, count)).await;
            if let Some(follow) = follow {
                follow.embedded(&self.settings, received.is_ok().then_some(used.input));
            }
            let vectors = match received {
                Ok(received) => Ok(received.value),
                Err(NoAnswer::Fatal(failure)) => return Err(failure),
                Err(NoAnswer::Error(error)) => Err(error),
                Err(NoAnswer::Deferred) => continue,
            };
            match vectors {
                Ok(Vectors { vectors }) => {
                    let entries: Vec<Stored> = vectors
                        .into_iter()
                        .enumerate()
                        .map(|(index, vector)| Stored::Vector(vector, if index == 0 { used.input } else { 0 }))
                        .collect();
                    // All are queued before the first is waited for, so they are synced together.
                    let puts: Vec<_> =
                        group.iter().zip(&entries).map(|(text, stored)| text.place.put(self, stored)).collect();
                    for put in puts {
                        put.await?;
                    }
                    drop(place);
                    for (text, stored) in group.iter().zip(entries) {
                        if let Stored::Vector(vector, _) = stored {
                            done.push((text.index, Ok(vector)));
                        }
                    }
                }
                Err(error) if error.kind == AnswerErrorKind::Rejected && group.len() > 1 => {
                    let rest = group.split_off(group.len() / 2);
                    waiting.extend([rest, group]);
                }
                Err(error) => done.extend(group.iter().map(|text| (text.index, Err(error.clone())))),
            }
        }
        Ok(done)
    }
}
