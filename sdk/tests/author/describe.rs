//! What a component says about itself, and the published schema of that.

use std::path::Path;
use std::{env, fs};

use capstan_sdk::describe::Description;
use capstan_sdk::testing::Bench;
use serde_json::{Value, json};

use crate::handler::Echo;

#[test]
fn everything_is_derived_from_the_handler() {
    let said = serde_json::to_value(Bench::<Echo>::describe()).unwrap();
    assert_eq!(
        said,
        json!({
            "name": "echo",
            "version": "1.2.3",
            "about": "answers what it is told",
            "kinds": [{
                "kind": "echo",
                "payload": {
                    "title": "Payload",
                    "type": "object",
                    "properties": { "word": { "type": "string" }, "unchanged": { "type": "boolean", "default": false } },
                    "required": ["word"],
                },
                "config": {
                    "title": "Config",
                    "type": "object",
                    "properties": {
                        "times": { "type": "integer", "format": "uint", "minimum": 0, "default": 2 },
                    },
                    "additionalProperties": false,
                },
                "result": {
                    "title": "Answer",
                    "type": "object",
                    "properties": { "words": { "type": "string" } },
                    "additionalProperties": true,
                    "required": ["words"],
                },
                "artifacts": [{ "path": "said.txt", "media_type": "text/plain", "about": "what was said" }],
            }],
            "asks": { "imports": true, "artifacts": ["ingest"] },
        })
    );
}

/// Renewed by `CAPSTAN_RENEW=1 cargo test -p capstan-sdk`.
#[test]
fn the_published_schema_is_the_one_of_the_type() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/describe.schema.json");
    let mut now = serde_json::to_string_pretty(&schemars::schema_for!(Description)).unwrap();
    now.push('\n');
    if env::var_os("CAPSTAN_RENEW").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let published = fs::read_to_string(&path).unwrap();
    assert!(published == now, "{} is stale; run CAPSTAN_RENEW=1 cargo test -p capstan-sdk", path.display());
}

#[test]
fn schemas_need_nothing_from_elsewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                if name == "$ref" {
                    found.push(value.to_string());
                }
                references(value, found);
            }),
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(&serde_json::to_value(Bench::<Echo>::describe()).unwrap(), &mut found);
    references(&serde_json::to_value(schemars::schema_for!(Description)).unwrap(), &mut found);
    assert!(found.iter().all(|reference| reference.starts_with("\"#/")), "{found:?}");
}
