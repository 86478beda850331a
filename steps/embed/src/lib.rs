//! The step `embed`.

use stillbox_sdk::model::Model;
use stillbox_sdk::{Batch, Error, Input, Output, Parameters, Result, Rows, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
pub struct Parameters {
    /// The column with the texts. A null stays null. An empty text, which has no meaning to embed, rejects its row.
    pub column: String,
    /// The output column for the vectors.
    #[parameter(default = "embedding")]
    pub into: String,
}

/// The column that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    #[column(from = "column")]
    pub text: Option<&'a str>,
}

/// The column that the step writes.
#[derive(Debug, Output)]
pub struct Embedded {
    /// The vector.
    #[column(from = "into")]
    pub vector: Option<Vec<f32>>,
}

/// Writes the embeddings of texts, as vectors.
#[step]
pub fn embed(parameters: &Parameters, batch: Batch<'_, Row<'_>>, model: Model) -> Result<Rows<Embedded>> {
    let mut rows = Rows::with_capacity(batch.len());
    let mut texts = Vec::with_capacity(batch.len());
    let mut results = Vec::with_capacity(batch.len());
    for row in batch.iter() {
        results.push(match row.map(|row| row.text) {
            Ok(None) => Some(Ok(None)),
            Ok(Some(text)) if text.trim().is_empty() => {
                Some(Err(Error::input(format_args!("the text in the column `{}` is empty", parameters.column))))
            }
            Ok(Some(text)) => {
                texts.push(text);
                None
            }
            Err(error) => Some(Err(error)),
        });
    }
    let mut vectors = if texts.is_empty() { Vec::new() } else { model.embed(texts)? }.into_iter();
    for (row, result) in results.into_iter().enumerate() {
        let missing = || Err(Error::internal("the host returned fewer vectors than texts"));
        let vector = result.unwrap_or_else(|| vectors.next().unwrap_or_else(missing).map(Some));
        rows.push_or_reject(row, vector.map(|vector| Embedded { vector }));
    }
    Ok(rows)
}
