//! Points and spans never overflow, and a span is written so that it can be read back.

use super::cases;
use capstan::rules::time::{Millis, Timestamp};
use proptest::prelude::*;

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

fn read(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == &text[digits.len()..])?;
    digits.parse::<u64>().ok()?.checked_mul(*unit)
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn a_span_reads_back_exactly_in_its_largest_unit(count in 0_u64..100_000, unit in 0_usize..5, odd in 0_u64..2) {
        let span = count * UNITS[unit].1 + odd;
        let text = Millis(span).to_string();
        prop_assert_eq!(read(&text), Some(span), "{}", &text);
        for (name, size) in UNITS {
            if span != 0 && span.is_multiple_of(size) {
                prop_assert!(text.len() <= format!("{}{name}", span / size).len(), "{} is longer", text);
            }
        }
    }

    #[test]
    fn later_and_since_are_each_others_inverse(at in -1_000_000_000_000_i64..1_000_000_000_000, span in 0_u64..1_000_000_000_000) {
        let later = Timestamp(at).after(Millis(span));
        prop_assert_eq!(later.since(Timestamp(at)), Millis(span));
        prop_assert!(span == 0 || Timestamp(at).since(later) == Millis(0));
    }

    #[test]
    fn nothing_overflows(at in any::<i64>(), other in any::<i64>(), span in any::<u64>()) {
        prop_assert!(Timestamp(at).after(Millis(span)) >= Timestamp(at));
        let _ = Timestamp(at).since(Timestamp(other));
        prop_assert_eq!(Millis::seconds(span).0, span.saturating_mul(1_000));
    }
}

#[test]
fn spans_are_written_with_a_unit() {
    let written = [0, 1_500, 30_000, 90_000, 7_200_000, 604_800_000].map(|ms| Millis(ms).to_string());
    assert_eq!(written, ["0ms", "1500ms", "30s", "90s", "2h", "7d"]);
}
