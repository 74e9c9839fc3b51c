//! Names in the store, in JSON and on the screen are one and the same; subjects' ids are safe as paths.

use super::cases;
use capstan::rules::attempt::Class;
use capstan::rules::import::ImportState;
use capstan::rules::job::State;
use capstan::rules::subject::{id_of_payload, id_of_source, is_id, shard};
use proptest::prelude::*;

fn json<T: serde::Serialize>(value: T) -> String {
    serde_json::to_string(&value).unwrap()
}

#[test]
fn every_name_is_the_same_everywhere_and_reads_back() {
    for state in State::ALL {
        assert_eq!((State::parse(state.name()), json(state)), (Some(state), format!("{:?}", state.name())));
        assert_eq!(state.to_string(), state.name());
    }
    for class in Class::ALL {
        assert_eq!((Class::parse(class.name()), json(class)), (Some(class), format!("{:?}", class.name())));
        assert_eq!(class.to_string(), class.name());
    }
    for state in ImportState::ALL {
        assert_eq!((ImportState::parse(state.name()), json(state)), (Some(state), format!("{:?}", state.name())));
    }
    assert_eq!((State::parse("Queued"), Class::parse(""), ImportState::parse("done")), (None, None, None));
}

#[test]
fn a_subject_is_known_by_the_hash_of_its_source() {
    // The first 128 bits of the SHA-256 of no bytes at all.
    assert_eq!(id_of_source(""), "e3b0c44298fc1c149afbf4c8996fb924");
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn an_id_is_32_hex_digits_whatever_it_stands_for(source in any::<String>(), kind in ".{0,8}", payload in ".{0,40}") {
        for id in [id_of_source(&source), id_of_payload(&kind, &payload)] {
            prop_assert!(is_id(&id), "{}", id);
            prop_assert_eq!(shard(&id), &id[..2]);
        }
    }

    #[test]
    fn other_sources_have_other_ids(one in any::<String>(), two in any::<String>()) {
        prop_assert_eq!(id_of_source(&one) == id_of_source(&two), one == two);
        prop_assert_ne!(id_of_source(&one), id_of_payload(&one, &two));
    }

    #[test]
    fn only_ids_pass_for_ids(text in "\\PC{0,40}") {
        let expected = text.len() == 32 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        prop_assert_eq!(is_id(&text), expected);
        prop_assert!(text.starts_with(shard(&text)));
    }
}

#[test]
fn a_kind_and_a_payload_cannot_be_shifted_into_each_other() {
    assert_ne!(id_of_payload("ab", "c"), id_of_payload("a", "bc"));
}
