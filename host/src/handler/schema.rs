//! JSON Schemas that come from guests, kept harmless.
//!
//! Bounded in size and depth, no references out of the document, patterns in
//! linear time. A document is bounded before it comes here, by the limits of
//! payload and result.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

/// Bytes of a schema at most: 64 KiB.
pub const MAX_BYTES: usize = 64 << 10;
/// Depth of a schema at most.
pub const MAX_DEPTH: usize = 64;

/// Why a schema cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Too large.
    #[error("it has {0} bytes: at most {MAX_BYTES}")]
    Large(usize),
    /// Too deep.
    #[error("it is nested deeper than {MAX_DEPTH}")]
    Deep,
    /// It refers to something outside.
    #[error("it refers to {0:?}: only references into itself (#…) are followed")]
    Remote(String),
    /// It is no schema.
    #[error("{0}")]
    Wrong(String),
}

/// A schema, ready to check documents.
///
/// # Errors
/// It is too large, too deep, refers to something outside, or is no schema.
pub fn compile(schema: &Value) -> Result<Validator, SchemaError> {
    let bytes = schema.to_string().len();
    if bytes > MAX_BYTES {
        return Err(SchemaError::Large(bytes));
    }
    look(schema, 0)?;
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex().size_limit(1 << 20))
        .build(schema)
        .map_err(|error| SchemaError::Wrong(error.to_string()))
}

fn look(value: &Value, depth: usize) -> Result<(), SchemaError> {
    if depth > MAX_DEPTH {
        return Err(SchemaError::Deep);
    }
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| match value {
            Value::String(target) if matches!(name.as_str(), "$ref" | "$dynamicRef") && !target.starts_with('#') => {
                Err(SchemaError::Remote(target.clone()))
            }
            other => look(other, depth + 1),
        }),
        Value::Array(items) => items.iter().try_for_each(|item| look(item, depth + 1)),
        _ => Ok(()),
    }
}

/// What is wrong with a document, in one line that names the place.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(validator: &Validator, document: &Value) -> Result<(), String> {
    let Some(error) = validator.iter_errors(document).next() else { return Ok(()) };
    let place = error.instance_path().to_string();
    let what = match error.kind() {
        // The library's own words name neither the property nor the rule.
        ValidationErrorKind::FalseSchema => format!("a property with the value {} is not allowed", error.instance()),
        _ => error.to_string(),
    };
    Err(if place.is_empty() { what } else { format!("{place}: {what}") })
}
