//! Usage is kept without its zeros and reads back whole.

use super::cases;
use capstan::rules::attempt::Usage;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// The names of all amounts, as JSON has them.
fn names() -> Vec<String> {
    match serde_json::to_value(Usage::default()) {
        Ok(Value::Object(amounts)) => amounts.into_iter().map(|(name, _)| name).collect(),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn what_is_not_zero_is_all_there_is(
        amounts in proptest::collection::vec(prop_oneof![Just(0), any::<u64>()], names().len()),
    ) {
        let all: Map<String, Value> = names().into_iter().zip(&amounts).map(|(name, n)| (name, json!(n))).collect();
        let usage: Usage = serde_json::from_value(Value::Object(all.clone())).unwrap();
        let used: Map<String, Value> = usage.used().map(|(name, n)| (name.to_owned(), json!(n))).collect();
        let not_zero: Map<String, Value> = all.into_iter().filter(|(_, n)| *n != json!(0)).collect();
        prop_assert_eq!(&used, &not_zero);
        prop_assert_eq!(serde_json::from_value::<Usage>(Value::Object(used)).unwrap(), usage);
    }
}
