//! Who comes to do which kind.

use capstan::rules::handler::{Candidate, Doer, PlaceError, Placement, Placing, RollBackError, place, roll_back};

fn doer<'a>(kind: &'a str, name: &'a str, digest: &'a str, previous: Option<&'a str>) -> Doer<'a> {
    Doer { kind, digest, name, is_disabled: false, previous }
}

fn placed(kinds: &[&str], placing: Placing, doers: &[Doer<'_>]) -> Result<Placement, PlaceError> {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    place(Candidate { name: "a", digest: "new", kinds: &kinds }, placing, doers)
}

fn routed(kinds: &[&str], replaces: Option<&str>) -> Placement {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    Placement::Routed { kinds, replaces: replaces.map(str::to_owned) }
}

#[test]
fn what_nothing_does_is_added_and_not_swapped() {
    assert_eq!(placed(&["x", "y"], Placing::Add, &[]).unwrap(), routed(&["x", "y"], None));
    assert_eq!(placed(&["x"], Placing::Swap, &[]), Err(PlaceError::Nothing("a".into())));
    assert_eq!(
        placed(&["x"], Placing::Swap, &[doer("z", "a", "old", None)]),
        Err(PlaceError::Nothing("a".into())),
        "the same name with other kinds is nothing to take over from"
    );
}

#[test]
fn an_earlier_version_is_swapped_and_not_added_to() {
    let doers = [doer("x", "a", "old", None)];
    assert_eq!(placed(&["x"], Placing::Add, &doers), Err(PlaceError::Taken { kind: "x".into(), name: "a".into() }));
    assert_eq!(placed(&["x", "y"], Placing::Swap, &doers).unwrap(), routed(&["x", "y"], Some("old")));
}

#[test]
fn what_is_in_place_stays_whatever_was_said() {
    let doers = [doer("x", "a", "new", None), doer("y", "b", "other", None)];
    for placing in [Placing::Add, Placing::Swap] {
        assert_eq!(placed(&["x"], placing, &doers), Ok(Placement::Unchanged));
    }
}

#[test]
fn a_kind_of_another_name_is_free_only_when_its_handler_is_disabled() {
    let working = doer("x", "b", "other", None);
    let disabled = Doer { is_disabled: true, ..working };
    for placing in [Placing::Add, Placing::Swap] {
        let error = placed(&["x"], placing, &[working]).unwrap_err();
        assert_eq!(error, PlaceError::Other { kind: "x".into(), name: "b".into(), by: "a".into() });
    }
    assert_eq!(placed(&["x"], Placing::Add, &[disabled]).unwrap(), routed(&["x"], None));
}

#[test]
fn names_go_before_kinds_and_digests() {
    let doers = [
        doer("x", "a", "d1d1d1d1", Some("p1")),
        doer("y", "a", "d2d2d2d2", Some("p2")),
        doer("a", "b", "d3d3d3d3", Some("p3")),
        doer("z", "c", "d4d4d4d4", None),
    ];
    let back = |target: &str| roll_back(target, &doers);
    let way = |pairs: &[(&str, &str)]| Ok(pairs.iter().map(|(k, d)| ((*k).into(), (*d).into())).collect());
    assert_eq!(back("a"), way(&[("x", "p1"), ("y", "p2")]));
    assert_eq!(back("y"), way(&[("y", "p2")]));
    assert_eq!(back("sha256:d3d3d3"), way(&[("a", "p3")]));
    assert_eq!(back("d3d3d"), Err(RollBackError::Unknown("d3d3d".into())));
    assert_eq!(back("c"), Err(RollBackError::First("c".into())));
}
