//! Spans of time and sizes with their units.

use crate::rules::rate::Rate;
use crate::rules::time::Millis;
use serde::{Deserialize, Deserializer, de};

/// A span of time such as `"30s"`, `"1m 30s"` or `"250ms"`.
pub(super) fn parse_duration(text: &str) -> Result<Millis, String> {
    let hint = "write a number with a unit, for example \"30s\", \"5m\" or \"250ms\"";
    let no_span = || format!("{text:?} is no span of time: {hint}");
    // Days are of 24 hours here, which the parser leaves to calendars.
    if let Some(days) = text.strip_suffix('d') {
        let days: u64 = days.trim().parse().map_err(|_| no_span())?;
        return days.checked_mul(86_400_000).map(Millis).ok_or_else(no_span);
    }
    let span: jiff::SignedDuration = text.parse().map_err(|_| no_span())?;
    let ms = u64::try_from(span.as_millis()).map_err(|_| format!("{text:?} is negative: {hint}"))?;
    Ok(Millis(ms))
}

/// A size such as `"64MiB"` or `"1 GB"`, in bytes.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let hint = "write a number with a unit, for example \"64MiB\", \"10kB\" or \"512B\"";
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim() {
        "B" => 1,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(format!("{text:?} is no size: {hint}")),
    };
    let number: u64 = number.parse().map_err(|_| format!("{text:?} is no size: {hint}"))?;
    number.checked_mul(factor).ok_or_else(|| format!("{text:?} is too large: {hint}"))
}

/// A text, or an error that says what a bare number lacks.
fn text<'de, D: Deserializer<'de>>(deserializer: D, example: &str) -> Result<String, D::Error> {
    match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => {
            Err(de::Error::custom(format!("{number} has no unit: write it as a text, for example {example:?}")))
        }
        other => {
            Err(de::Error::custom(format!("a {} has no unit: write a text, for example {example:?}", other.type_str())))
        }
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
    parse_duration(&text(deserializer, "30s")?).map_err(de::Error::custom)
}

pub(super) fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
    duration(deserializer).map(Some)
}

pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    parse_size(&text(deserializer, "64MiB")?).map_err(de::Error::custom)
}

pub(super) fn some_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    size(deserializer).map(Some)
}

pub(super) fn some_rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rate>, D::Error> {
    Rate::parse(&text(deserializer, "60/min")?).map(Some).map_err(de::Error::custom)
}

/// A span of time with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Span(#[serde(deserialize_with = "duration")] pub Millis);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_needs_its_unit() {
        assert_eq!(parse_duration("30s"), Ok(Millis(30_000)));
        assert_eq!(parse_duration("1m 30s"), Ok(Millis(90_000)));
        assert_eq!(parse_duration("250ms"), Ok(Millis(250)));
        assert_eq!(parse_duration("7d"), Ok(Millis(7 * 86_400_000)));
        for wrong in ["30", "", "-3s", "soon", "d", "-1d", "999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_size_needs_its_unit() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("10 kB"), Ok(10_000));
        for wrong in ["64", "MiB", "64 mib", "99999999999999999999GiB"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }
}
