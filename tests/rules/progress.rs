//! What a guest says about how far it is fits on a screen.

use super::cases;
use capstan::rules::progress::{MAX_NOTE, Progress};
use proptest::prelude::*;

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn a_note_is_one_short_line(note in "\\PC{0,300}|[\\x00-\\x1f]{0,300}|é{0,300}") {
        let kept = Progress::new(1, 2, &note).note;
        prop_assert!(kept.len() <= MAX_NOTE.max(note.len()) && kept.len() <= MAX_NOTE);
        prop_assert!(!kept.contains(|c: char| c.is_control()));
        let plain = note.len() <= MAX_NOTE && !note.contains(|c: char| c.is_control());
        prop_assert!(!plain || kept == note.trim());
    }
}

#[test]
fn figures_are_shown_as_far_as_they_are_known() {
    let shown = |done, total, note| Progress::new(done, total, note).to_string();
    assert_eq!(shown(3, 10, "b.html"), "3 of 10, b.html");
    assert_eq!(shown(3, 0, ""), "3");
    assert_eq!(shown(u64::MAX, 1, "x\ny"), format!("{} of 1, x y", u64::MAX));
}
