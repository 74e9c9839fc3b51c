//! What may be kept, and for whom.

use capstan::rules::checkpoint::{Checkpoint, Refusal, may_keep};

#[test]
fn bytes_end_exactly_at_the_limit() {
    assert_eq!(may_keep("f", 10, 10), Ok(()));
    assert_eq!(may_keep("f", 11, 10), Err(Refusal::TooLarge { bytes: 11, limit: 10 }));
    assert_eq!(may_keep("f", 0, 0), Ok(()));
}

#[test]
fn a_format_is_a_short_tag() {
    for fine in ["a", "pages/1", "v1.2-x_y", &"x".repeat(64)] {
        assert_eq!(may_keep(fine, 0, 0), Ok(()), "{fine}");
    }
    for wrong in ["", "A", "a b", "é", "a\n", &"x".repeat(65)] {
        assert!(matches!(may_keep(wrong, 0, 0), Err(Refusal::Format(_))), "{wrong}");
    }
}

#[test]
fn the_family_is_the_name_whatever_the_digest() {
    let kept = Checkpoint { handler: "a".into(), digest: "d".into(), format: "f".into(), bytes: Vec::new() };
    assert!(kept.is_for("a") && !kept.is_for("b"));
}
