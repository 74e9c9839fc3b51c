//! Numbers, spans and names that have to lie in a range.

use super::ConfigError;
use crate::rules::time::Millis;
use std::path::Path;

/// Checks of what has to lie in a range.
pub(super) struct Ranges<'a>(pub(super) &'a Path);

impl Ranges<'_> {
    pub(super) fn number(
        &self,
        name: &str,
        value: u64,
        least: u64,
        most: u64,
        range: &'static str,
    ) -> Result<(), ConfigError> {
        self.holds((least..=most).contains(&value), name, &value.to_string(), range)
    }

    pub(super) fn span(
        &self,
        name: &str,
        value: Millis,
        least: Millis,
        most: Millis,
        range: &'static str,
    ) -> Result<(), ConfigError> {
        self.holds((least..=most).contains(&value), name, &value.to_string(), range)
    }

    pub(super) fn holds(&self, holds: bool, name: &str, value: &str, range: &'static str) -> Result<(), ConfigError> {
        if holds {
            return Ok(());
        }
        Err(ConfigError::Range { path: self.0.to_owned(), name: name.to_owned(), value: value.to_owned(), range })
    }
}
