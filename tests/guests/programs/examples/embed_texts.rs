//! Asks a model for the embedding of each text.

use stillbox_sdk::model::Model;
use stillbox_sdk::{Batch, Input, Output, Result, Rows, step};

#[derive(Input)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Output)]
struct Embedded {
    vector: Vec<f32>,
}

/// Embeds texts.
#[step]
fn embed_texts(batch: Batch<'_, Text<'_>>, model: Model) -> Result<Rows<Embedded>> {
    let texts = batch.iter().map(|row| Ok(row?.text.to_owned())).collect::<Result<Vec<_>>>()?;
    let mut rows = Rows::new();
    for (row, vector) in model.embed(texts)?.into_iter().enumerate() {
        rows.push_or_reject(row, vector.map(|vector| Embedded { vector }));
    }
    Ok(rows)
}
