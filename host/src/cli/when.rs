//! Times and spans as people write them.

use crate::rules::time::{Millis, Timestamp};

/// A point in time: `2026-01-31T08:00:00Z`, or `2026-01-31 08:00` in the zone of whoever asks.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    let zoned = || text.parse::<jiff::Timestamp>().ok();
    let here = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::system()).ok();
    let found = zoned().or_else(|| here().map(|time| time.timestamp()));
    let hint = "write for example \"2026-01-31 08:00\" or \"2026-01-31T08:00:00Z\"";
    found.map(|time| Timestamp(time.as_millisecond())).ok_or_else(|| format!("{text:?} is no point in time: {hint}"))
}

/// A span of time such as `90s` or `2h 30m`.
pub(super) fn span(text: &str) -> Result<Millis, String> {
    let wrong = || format!("{text:?} is no span of time: write a number with a unit, for example \"30s\" or \"2h\"");
    let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    u64::try_from(span.as_millis()).map(Millis).map_err(|_| wrong())
}

/// A point in time, or a span until now.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    match span(text) {
        Ok(span) => Ok(crate::clock::now().before(span)),
        Err(_) => time(text).map_err(|wrong| format!("{wrong}, or a span until now as in \"2h\"")),
    }
}

/// A point in time, or a span from now on.
pub(super) fn until(text: &str) -> Result<Timestamp, String> {
    match span(text) {
        Ok(span) => Ok(crate::clock::now().after(span)),
        Err(_) => time(text).map_err(|wrong| format!("{wrong}, or a span from now on as in \"2h\"")),
    }
}
