//! How long a server asks to be left alone: `Retry-After` (RFC 9110, section 10.2.3).
//!
//! What it cannot promise: that a date means what the server meant, where its clock and this one differ.

use super::Response;
use std::time::{Duration, SystemTime};

impl Response {
    /// The pause that the server asks for, seen from `now`; none when it names none that can be read, zero when
    /// its date has passed.
    #[must_use]
    pub fn retry_after(&self, now: SystemTime) -> Option<Duration> {
        pause(self.header("retry-after")?, now)
    }
}

/// Seconds, or a date.
fn pause(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(pause(" 120", now), Some(Duration::from_secs(120)));
        assert_eq!(pause("Sun, 06 Nov 1994 08:50:37 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(pause("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(pause("soon", now), None);
    }
}
