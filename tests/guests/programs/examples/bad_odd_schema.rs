//! Returns a manifest whose parameters are JSON, but not a valid JSON Schema.

use stillbox_sdk::contract::Manifest;
use stillbox_test_programs::{Raw, export};

struct Guest;

impl Raw for Guest {
    fn manifest() -> Manifest {
        let schema =
            r#"{"type": 7, "required": 7, "properties": {"a": 7, "b": {"type": 7, "enum": 7}, "c": {"items": []}}}"#;
        Manifest { parameters: schema.into(), ..stillbox_test_programs::manifest() }
    }
}

export!(Guest);
