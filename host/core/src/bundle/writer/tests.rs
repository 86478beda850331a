use std::sync::Arc;

use arrow_array::{ArrayRef, NullArray};
use serde_json::json;

use super::*;
use crate::bundle::file::tests::head;
use crate::grants::Secret;

const DIGITS: &str = "12345678";
const TEXT: &str = "Fz7q2LrW9xSECRET";
const LIMIT: u64 = 64 << 20;

fn parsed(head: Value) -> BundleHead {
    serde_json::from_value(head).unwrap()
}

fn redactor() -> Redactor {
    let secrets = [DIGITS, TEXT].map(|value| Secret::new(value.into()).unwrap());
    Redactor::new(&secrets)
}

#[test]
fn secrets_are_removed_from_all_texts_of_a_head() {
    let mut json = head();
    json["parameters"] = json!({ "count": 12_345_678, "key": TEXT }).to_string().into();
    json["grants"]["env"] = json!([["KEY", TEXT]]);
    json["failure"]["message"] = format!("not {DIGITS}").into();
    let mut head = parsed(json);
    redact(&mut head, &redactor()).unwrap();
    assert!(head.is_redacted);
    let text = serde_json::to_string(&head).unwrap();
    assert!(!text.contains(TEXT) && !text.contains(DIGITS), "{text}");
}

#[test]
fn a_head_with_secrets_in_bodies_or_parameters_alone_is_redacted() {
    let mut with_body = parsed(head());
    with_body.log.requests[0].body = Some(format!("key={TEXT}").into_bytes());
    redact(&mut with_body, &redactor()).unwrap();
    assert!(with_body.is_redacted);
    assert_eq!(with_body.log.requests[0].body.as_deref(), Some(&b"key=****************"[..]));
    let mut with_parameters = parsed(head());
    with_parameters.parameters = json!({ "key": TEXT }).to_string();
    redact(&mut with_parameters, &redactor()).unwrap();
    assert!(with_parameters.is_redacted);
    let mut without = parsed(head());
    redact(&mut without, &redactor()).unwrap();
    assert_eq!(without, parsed(head()));
}

#[test]
fn a_secret_in_a_number_of_a_head_is_an_error() {
    let mut json = head();
    json["limits"]["output_rows"] = 12_345_678.into();
    json["grants"]["env"] = json!([["KEY", TEXT]]);
    let error = redact(&mut parsed(json), &redactor()).unwrap_err();
    assert!(matches!(error, BundleWriteError::Secret(_)));
    let message = error.to_string();
    assert!(!message.contains(TEXT) && !message.contains(DIGITS), "{message}");
}

#[test]
fn the_largest_bodies_can_be_read_again() {
    let mut head = parsed(head());
    head.batches = 0;
    let body = vec![0; 12 << 20];
    head.log.requests[0].body = Some(body.clone());
    let bytes = to_bytes(&mut head, None, &[], LIMIT).unwrap();
    let bundle = Bundle::from_bytes(&bytes).unwrap();
    assert!(bundle.head.log.requests[0].body.as_ref() == Some(&body));
}

#[test]
fn a_bundle_that_a_replay_could_not_read_is_not_written() {
    let mut large = parsed(head());
    large.batches = 0;
    large.failure.message = "\0".repeat(6 << 20);
    let error = to_bytes(&mut large, None, &[], LIMIT).unwrap_err();
    assert!(matches!(error, BundleWriteError::Unreadable(BundleError::TooLarge { part: "the head", .. })), "{error}");
    let column: ArrayRef = Arc::new(NullArray::new(10_000_001));
    let rows = write_batch(&RecordBatch::try_from_iter_with_nullable([("n", column, true)]).unwrap()).unwrap();
    let error = to_bytes(&mut parsed(head()), None, &[rows], LIMIT).unwrap_err();
    assert!(matches!(error, BundleWriteError::Unreadable(BundleError::TooManyRows { .. })), "{error}");
    assert_eq!(error.to_string(), "a replay could not read it: the bundle has more than 10000000 rows");
}
