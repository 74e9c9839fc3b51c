//! What guests say of documents is read within bounds, or not at all.

use capstan::rules::entry::{Embedded, Entry, MAX_PASSAGES, MAX_TAGS, MAX_TEXT, MAX_TITLE, MAX_URL};
use serde_json::{Value, json};

fn entry(value: &Value) -> Result<Entry, String> {
    Entry::parse(value.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn embedded(value: &Value, rows: &[f32]) -> Result<Embedded, String> {
    let rows: Vec<u8> = rows.iter().flat_map(|x| x.to_le_bytes()).collect();
    Embedded::parse(value.to_string().as_bytes(), &rows).map_err(|error| error.to_string())
}

#[test]
fn an_entry_may_leave_out_all_but_its_passages() {
    let whole = entry(&json!({"format": 1, "passages": [{"start": 0, "end": 4, "text": "text"}]})).unwrap();
    assert_eq!((whole.title.as_str(), whole.tags.len(), whole.passages[0].heading.as_str()), ("", 0, ""));
    for (value, says) in [
        (json!({"format": 2, "passages": []}), "entry.json has format 2, this capstan reads 1"),
        (json!({"format": 1}), "entry.json is not as docs/search.md describes it: missing field `passages`"),
        (json!({"format": 1, "passages": [{"start": 4, "end": 2, "text": ""}]}), "describes it: a passage from 4 to 2"),
        (
            json!({"format": 1, "passages": [{"start": -1, "end": 2, "text": ""}]}),
            "describes it: a passage from -1 to 2",
        ),
    ] {
        let said = entry(&value).unwrap_err();
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn one_passage_too_many_leaves_the_document_out() {
    let of =
        |passages: usize| json!({"format": 1, "passages": vec![json!({"start": 0, "end": 0, "text": ""}); passages]});
    assert!(entry(&of(MAX_PASSAGES)).is_ok());
    let said = entry(&of(MAX_PASSAGES + 1)).unwrap_err();
    assert_eq!(said, "entry.json has 20001 passages: at most 20000 are indexed");
}

#[test]
fn vectors_must_fit_what_is_announced() {
    let index = json!({"format": 1, "model": {"name": "m", "digest": "sha256:0"}, "dimension": 2,
                       "passages": [{"start": 0, "end": 3}, {"start": 5, "end": 9}]});
    let found = embedded(&index, &[1.0, 0.0, 3.0, 4.0]).unwrap();
    assert_eq!((found.model.as_str(), found.dimension, found.rows.len()), ("sha256:0", 2, 2));
    assert_eq!(found.rows[1].0, 5);
    // One without a direction is left out, the others stay.
    assert_eq!(embedded(&index, &[0.0, 0.0, 3.0, 4.0]).unwrap().rows.len(), 1);
    let said = embedded(&index, &[1.0, 0.0, 3.0]).unwrap_err();
    assert_eq!(said, "vectors.f32 is not as docs/search.md describes it: 12 bytes, 16 are announced");
    let mut wide = index;
    wide["dimension"] = json!(5_000);
    assert!(embedded(&wide, &[]).unwrap_err().contains("dimension 5000, which must be 1 to 4096"));
}

#[test]
fn what_is_too_long_is_cut_left_out_or_refused() {
    let of = |title: usize, url: usize, text: usize, tags: usize| {
        entry(&json!({"format": 1, "title": "ä".repeat(title / 2), "url": "u".repeat(url), "tags": vec!["t"; tags],
                      "passages": [{"start": 0, "end": 1, "heading": "h".repeat(title), "text": "x".repeat(text)}]}))
    };
    let whole = of(MAX_TITLE, MAX_URL, MAX_TEXT, MAX_TAGS.0).unwrap();
    assert_eq!((whole.title.len(), whole.url.len(), whole.tags.len()), (MAX_TITLE, MAX_URL, MAX_TAGS.0));
    let cut = of(MAX_TITLE + 2, MAX_URL + 1, 1, MAX_TAGS.0 + 1).unwrap();
    assert_eq!((cut.title.len(), cut.url.len(), cut.tags.len()), (MAX_TITLE, 0, MAX_TAGS.0));
    assert_eq!(cut.passages[0].heading.len(), MAX_TITLE);
    let said = of(1, 1, MAX_TEXT + 1, 0).unwrap_err();
    assert!(said.ends_with("a passage of 65537 bytes, at most 65536 are indexed"), "{said}");
    let long = entry(&json!({"format": 1, "tags": ["x".repeat(MAX_TAGS.1 + 1), "y"], "passages": []})).unwrap();
    assert_eq!(long.tags, ["y"]);
}
