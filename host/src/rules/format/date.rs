//! When an item was added, in the ways in which exports write it.
//!
//! A whole number counts from 1970: seconds in most exports, milliseconds or
//! microseconds in some. Which one follows from its size: numbers below 10^11 are
//! seconds (until the year 5138), below 10^14 milliseconds, others microseconds. So
//! milliseconds of dates before March 1973 are taken for seconds. Zero is no date.
//! Otherwise it is a date of RFC 3339 (also with a space in the middle, and in UTC
//! when it names no zone), a day alone, or a date of RFC 2822, as outlines have it.

use jiff::civil::{Date, DateTime};
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

/// Numbers from here on are milliseconds.
const MILLISECONDS: i64 = 100_000_000_000;
/// Numbers from here on are microseconds.
const MICROSECONDS: i64 = 100_000_000_000_000;

/// What stands for a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    /// Nothing.
    Never,
    /// A time, in milliseconds since 1970.
    At(i64),
    /// Something that is no date.
    Unknown,
}

/// Read a date.
pub(super) fn added(text: &str) -> Added {
    let text = text.trim();
    if text.is_empty() {
        return Added::Never;
    }
    if let Ok(number) = text.parse::<i64>() {
        return counted(number);
    }
    written(text).map_or(Added::Unknown, Added::At)
}

const fn counted(number: i64) -> Added {
    match number.unsigned_abs() {
        0 => Added::Never,
        size if size < MILLISECONDS.unsigned_abs() => Added::At(number * 1_000),
        size if size < MICROSECONDS.unsigned_abs() => Added::At(number),
        _ => Added::At(number / 1_000),
    }
}

fn written(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    let civil =
        text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|day| day.to_datetime(Default::default())));
    let time = match civil {
        Ok(civil) => civil.to_zoned(TimeZone::UTC).ok()?.timestamp(),
        Err(_) => rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?,
    };
    Some(time.as_millisecond())
}
