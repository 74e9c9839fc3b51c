//! A pipeline never goes round, and runs what is out of date and nothing else.

use super::cases;
use capstan::rules::job::Made;
use capstan::rules::pipeline::{Pipeline, PipelineError, Standing, follows};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn edges() -> impl Strategy<Value = BTreeMap<String, Vec<String>>> {
    prop::collection::btree_map("[a-f]", prop::collection::vec("[a-f]", 0..4), 0..6)
}

/// Take away kinds that nothing leads to until none is left, or only circles are.
fn is_without_circle(edges: &BTreeMap<String, Vec<String>>) -> bool {
    let mut left: BTreeSet<&str> =
        edges.iter().flat_map(|(k, after)| std::iter::once(k).chain(after)).map(String::as_str).collect();
    loop {
        let led_to: BTreeSet<&str> = edges
            .iter()
            .filter(|(kind, _)| left.contains(kind.as_str()))
            .flat_map(|(_, after)| after)
            .map(String::as_str)
            .collect();
        let free: Vec<&str> = left.iter().copied().filter(|kind| !led_to.contains(kind)).collect();
        if free.is_empty() {
            return left.is_empty();
        }
        free.iter().for_each(|kind| assert!(left.remove(kind)));
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn a_graph_is_refused_for_a_circle_or_a_doubled_edge_only(edges in edges()) {
        let is_doubled = edges.values().any(|after| after.iter().collect::<BTreeSet<_>>().len() < after.len());
        match Pipeline::new(edges.clone()) {
            Ok(pipeline) => {
                prop_assert!(!is_doubled && is_without_circle(&edges));
                for (kind, after) in &edges {
                    prop_assert_eq!(pipeline.followers(kind), after.as_slice());
                    prop_assert!(after.iter().all(|next| pipeline.kinds().contains(next.as_str())));
                }
            }
            Err(PipelineError::Twice { kind, follower }) => {
                prop_assert!(edges[&kind].iter().filter(|next| **next == follower).count() > 1);
            }
            Err(PipelineError::Circle(kind)) => prop_assert!(!is_without_circle(&edges) && edges.contains_key(&kind)),
        }
    }

    #[test]
    fn new_work_is_always_followed(input in proptest::option::of(0_i64..4), digest in proptest::option::of("[ab]"), from in proptest::option::of(0_i64..4)) {
        let standing = Standing { digest: "a".into(), made_from: from };
        prop_assert!(follows(Made::Something, input, digest.as_deref(), Some(&standing)));
        prop_assert!(follows(Made::Something, input, digest.as_deref(), None));
    }

    #[test]
    fn nothing_new_is_followed_only_where_inputs_or_the_handler_differ(
        input in proptest::option::of(0_i64..4), digest in proptest::option::of("[ab]"), from in proptest::option::of(0_i64..4),
    ) {
        let standing = Standing { digest: "a".into(), made_from: from };
        let is_old = from != input || digest.as_deref() == Some("b");
        prop_assert_eq!(follows(Made::Nothing, input, digest.as_deref(), Some(&standing)), is_old);
        prop_assert!(follows(Made::Nothing, input, digest.as_deref(), None));
    }
}

#[test]
fn a_refusal_names_the_kind_and_the_section() {
    let edges = BTreeMap::from([("a".to_owned(), vec!["b".to_owned()]), ("b".to_owned(), vec!["a".to_owned()])]);
    let circle = Pipeline::new(edges).unwrap_err().to_string();
    assert_eq!(circle, "pipeline goes round in a circle through \"a\": remove one of its edges in [pipeline]");
    let edges = BTreeMap::from([("a".to_owned(), vec!["b".to_owned(), "b".to_owned()])]);
    let twice = Pipeline::new(edges).unwrap_err().to_string();
    assert_eq!(twice, "pipeline names \"b\" twice behind \"a\": name it once in [pipeline]");
}
