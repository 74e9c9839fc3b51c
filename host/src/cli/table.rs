//! How things look on a terminal.

use crate::rules::time::{Millis, Timestamp};
use comfy_table::presets;
use comfy_table::{ContentArrangement, Table};

/// A table without lines.
pub(super) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(head.iter().map(|name| name.to_uppercase()));
    table
}

/// A number of bytes.
pub(super) fn bytes(bytes: i64) -> String {
    indicatif::HumanBytes(u64::try_from(bytes).unwrap_or(0)).to_string()
}

/// A time, in the zone of whoever looks.
pub(super) fn time(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(time) => time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => at.0.to_string(),
    }
}

/// A span of microseconds.
pub(super) fn micros(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}

/// A span that has passed.
pub(super) fn span(span: Millis) -> String {
    micros(span.0.saturating_mul(1_000))
}

/// How many a second: a decimal only where it says something.
pub(super) fn rate(per_second: f64) -> String {
    let decimals = usize::from(per_second < 9.95);
    format!("{per_second:.decimals$}/s")
}

/// A text on one line, of so many characters at most.
pub(super) fn short(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// What follows a list that has more.
pub(super) fn more(next: Option<&str>, flag: &str) -> String {
    next.map_or_else(String::new, |next| format!("\n\nmore: {flag} {next}"))
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn a_rate_has_a_decimal_only_below_ten() {
        let shown = [0.0, 0.25, 9.94, 9.96, 10.4, 238.8012].map(rate);
        assert_eq!(shown, ["0.0/s", "0.2/s", "9.9/s", "10/s", "10/s", "239/s"]);
    }
}
