//! How often something may happen: the generic cell rate algorithm.
//!
//! A clock says when the next one would be expected if everything kept exactly to
//! the rate. What comes before that time borrows from the burst; what comes after
//! it finds the clock at now. One number says it all, and nothing has to be
//! refilled. (From the ATM Forum's traffic management specification; the clock is
//! its *theoretical arrival time*.) Clocks count nanoseconds in whole numbers, and
//! a span is rounded up, so the rate is never exceeded and falls short by less
//! than a nanosecond each. What this cannot promise: slots that nobody takes up
//! while the burst is used up are lost, as with every rate.

use super::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

/// The largest number per period: a thousand millions.
pub const MAX_NUMBER: u64 = 1_000_000_000;
/// The longest period: 31 days.
pub const MAX_PER: Millis = Millis::seconds(31 * 86_400);

const PER_MS: i128 = 1_000_000;

/// So many per period, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Rate {
    number: u64,
    per: Millis,
    burst: u64,
}

/// A rate as it is written down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    number: u64,
    per: Millis,
    burst: Option<u64>,
}

impl TryFrom<Parts> for Rate {
    type Error = RateError;

    fn try_from(parts: Parts) -> Result<Self, RateError> {
        let rate = Self::new(parts.number, parts.per)?;
        parts.burst.map_or(Ok(rate), |burst| rate.with_burst(burst))
    }
}

/// A rate that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not of the form that a rate has.
    #[error("{0:?} is no rate: write a number and a unit of time, for example \"60/min\", \"5/s\" or \"1000/h\"")]
    Form(String),
    /// Out of range.
    #[error("a rate of {0} is out of range: its number must be 1 to {MAX_NUMBER}, its period 1ms to {MAX_PER}")]
    Range(u64),
    /// A burst of nothing.
    #[error("a burst of {0} is out of range: it must be 1 to {MAX_NUMBER}")]
    Burst(u64),
}

impl Rate {
    /// So many per period. As many may come at once as the rate gives in a second,
    /// and one at least.
    ///
    /// # Errors
    /// A number or a period that is out of range.
    pub fn new(number: u64, per: Millis) -> Result<Self, RateError> {
        if !(1..=MAX_NUMBER).contains(&number) || !(Millis(1)..=MAX_PER).contains(&per) {
            return Err(RateError::Range(number));
        }
        let a_second = number.saturating_mul(1_000).div_ceil(per.0);
        Ok(Self { number, per, burst: a_second.clamp(1, number.max(1)) })
    }

    /// The rate in a text such as `60/min`.
    ///
    /// # Errors
    /// It has another form, or is out of range.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let form = || RateError::Form(text.to_owned());
        let (number, unit) = text.split_once('/').ok_or_else(form)?;
        let number: u64 = number.trim().parse().map_err(|_| form())?;
        let per = match unit.trim() {
            "s" | "sec" | "second" => Millis::seconds(1),
            "m" | "min" | "minute" => Millis::seconds(60),
            "h" | "hour" => Millis::seconds(3_600),
            "d" | "day" => Millis::seconds(86_400),
            _ => return Err(form()),
        };
        Self::new(number, per)
    }

    /// The same rate with this many at once.
    ///
    /// # Errors
    /// None, or too many.
    pub fn with_burst(self, burst: u64) -> Result<Self, RateError> {
        if !(1..=MAX_NUMBER).contains(&burst) {
            return Err(RateError::Burst(burst));
        }
        Ok(Self { burst, ..self })
    }

    /// The same rate with a whole period's number at once.
    #[must_use]
    pub const fn whole(self) -> Self {
        Self { burst: self.number, ..self }
    }

    /// How many per period.
    pub const fn number(self) -> u64 {
        self.number
    }

    /// The period.
    pub const fn per(self) -> Millis {
        self.per
    }

    /// How many at once.
    pub const fn burst(self) -> u64 {
        self.burst
    }

    /// The time that so many take, in nanoseconds.
    fn span(self, many: u64) -> i128 {
        let whole = i128::from(many) * i128::from(self.per.0) * PER_MS;
        let number = i128::from(self.number);
        (whole + number - 1) / number
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.per.0 {
            1_000 => "s".to_owned(),
            60_000 => "min".to_owned(),
            3_600_000 => "h".to_owned(),
            86_400_000 => "d".to_owned(),
            _ => self.per.to_string(),
        };
        write!(f, "{}/{unit}", self.number)
    }
}

/// When the next one is expected: nanoseconds since 1970. Zero has never seen one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Clock(pub i64);

impl Clock {
    /// How many may come now.
    pub fn allows(self, rate: Rate, now: Timestamp) -> u64 {
        let lead = (i128::from(self.0) - nanos(now)).max(0);
        let left = (rate.span(rate.burst) - lead).max(0);
        let many = left * i128::from(rate.number) / (i128::from(rate.per.0) * PER_MS);
        u64::try_from(many).unwrap_or(u64::MAX).min(rate.burst)
    }

    /// The clock after so many came now, whether it allowed them or not.
    #[must_use]
    pub fn after(self, rate: Rate, now: Timestamp, many: u64) -> Self {
        let from = i128::from(self.0).max(nanos(now));
        Self(i64::try_from(from + rate.span(many)).unwrap_or(i64::MAX))
    }

    /// When it allows one again, in whole milliseconds; now if it does already.
    pub fn next(self, rate: Rate, now: Timestamp) -> Timestamp {
        if self.allows(rate, now) > 0 {
            return now;
        }
        let at = i128::from(self.0) + rate.span(1) - rate.span(rate.burst);
        let ms = (at + PER_MS - 1).div_euclid(PER_MS);
        Timestamp(i64::try_from(ms).unwrap_or(i64::MAX)).max(Timestamp(now.0.saturating_add(1)))
    }
}

fn nanos(at: Timestamp) -> i128 {
    i128::from(at.0) * PER_MS
}
