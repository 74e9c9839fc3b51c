//! Which jobs a guest may queue.

use capstan::rules::enqueue::{
    Kinds, MAX_DEPTH, MAX_PAYLOAD, MAX_PAYLOADS, MAX_TAGS, Other, Queueing, Refusal, Standing, Subjects, Wish, kinds,
    may_queue,
};

const FREE: Standing = Standing { depth: 0, jobs: 0, bytes: 0, limit: 100 };

fn wish(kind: &str) -> Wish {
    Wish { kind: kind.into(), payload: "{}".into(), about: None }
}

fn elsewhere(kind: &str) -> Wish {
    let about = Other { source: "https://example.org/".into(), title: String::new(), tags: Vec::new() };
    Wish { about: Some(about), ..wish(kind) }
}

fn allowed() -> Kinds {
    [("own".to_owned(), Subjects::Own), ("any".to_owned(), Subjects::Any)].into()
}

fn ask(wish: &Wish, standing: Standing) -> Result<(), Refusal> {
    may_queue(&allowed(), wish, standing, |entry| format!("no {entry}"))
}

#[test]
fn an_entry_names_a_kind_and_maybe_any_subject() {
    let entry = |text: &str| Queueing::try_from(text.to_owned());
    for text in ["normalise", "ingest:any"] {
        assert_eq!(entry(text).unwrap().to_string(), text);
    }
    for wrong in ["", "A", "a:own", ":any", "a:any:any", "a b", &"x".repeat(65)] {
        let said = entry(wrong).unwrap_err().to_string();
        assert!(said.starts_with(&format!("{wrong:?} names no kind to queue: ")), "{said}");
    }
    let all = ["a", "a:any", "b"].map(|text| entry(text).unwrap());
    assert_eq!(kinds(&all), [("a".to_owned(), Subjects::Any), ("b".to_owned(), Subjects::Own)].into());
}

#[test]
fn a_kind_is_granted_for_its_own_subject_or_for_any() {
    for (wish, refused) in [
        (wish("own"), None),
        (wish("any"), None),
        (elsewhere("any"), None),
        (elsewhere("own"), Some("no own:any")),
        (wish("other"), Some("no other")),
    ] {
        assert_eq!(ask(&wish, FREE).err(), refused.map(|words| Refusal::Denied(words.to_owned())));
    }
}

#[test]
fn numbers_sizes_and_depth_end_exactly_at_their_limits() {
    let standing = |depth, jobs| Standing { depth, jobs, ..FREE };
    assert_eq!(ask(&wish("own"), standing(MAX_DEPTH - 1, 99)), Ok(()));
    assert_eq!(ask(&wish("own"), standing(MAX_DEPTH, 0)), Err(Refusal::TooDeep(16)));
    assert_eq!(ask(&wish("own"), standing(0, 100)), Err(Refusal::TooMany(100)));
    let payload = |bytes| Wish { payload: "x".repeat(bytes), ..wish("own") };
    assert_eq!(ask(&payload(MAX_PAYLOAD), FREE), Ok(()));
    assert!(matches!(ask(&payload(MAX_PAYLOAD + 1), FREE), Err(Refusal::BadPayload { .. })));
    let before = MAX_PAYLOADS - MAX_PAYLOAD as u64;
    assert_eq!(ask(&payload(MAX_PAYLOAD), Standing { bytes: before, ..FREE }), Ok(()));
    let over = ask(&payload(MAX_PAYLOAD), Standing { bytes: before + 1, ..FREE });
    assert_eq!(over, Err(Refusal::TooLarge(MAX_PAYLOADS + 1)));
}

#[test]
fn another_subject_is_bounded() {
    let about = |title: usize, tags: usize, tag: usize| Other {
        source: "https://example.org/".into(),
        title: "x".repeat(title),
        tags: vec!["x".repeat(tag); tags],
    };
    let ask = |about| ask(&Wish { about: Some(about), ..wish("any") }, FREE).map_err(|refusal| refusal.to_string());
    assert_eq!(ask(about(1_024, MAX_TAGS, 128)), Ok(()));
    assert_eq!(ask(about(1_025, 0, 0)), Err("the other subject has 1025 bytes of title: at most 1024".into()));
    assert_eq!(ask(about(0, 33, 0)), Err("the other subject has 33 tags: at most 32".into()));
    assert_eq!(ask(about(0, 1, 129)), Err("the other subject has 129 bytes in a tag: at most 128".into()));
}
