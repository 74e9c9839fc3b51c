//! Whose fault each class is.

use capstan::rules::attempt::{Class, Usage};
use capstan::rules::blame::{Party, blame};

/// Class, who has to act when the guest had asked nobody, and when it had.
const TABLE: [(Class, Party, Party); 15] = [
    (Class::Transient, Party::Nobody, Party::Remote),
    (Class::Permanent, Party::Submitter, Party::Submitter),
    (Class::Deferred, Party::Nobody, Party::Remote),
    (Class::Trap, Party::Handler, Party::Handler),
    (Class::Timeout, Party::Handler, Party::Remote),
    (Class::CpuLimit, Party::Handler, Party::Handler),
    (Class::MemoryLimit, Party::Handler, Party::Handler),
    (Class::Quota, Party::Handler, Party::Handler),
    (Class::Denied, Party::Operator, Party::Operator),
    (Class::BadPayload, Party::Submitter, Party::Submitter),
    (Class::BadOutput, Party::Handler, Party::Handler),
    (Class::NoHandler, Party::Operator, Party::Operator),
    (Class::HostFault, Party::Machine, Party::Machine),
    (Class::Lost, Party::Machine, Party::Machine),
    (Class::Cancelled, Party::Nobody, Party::Nobody),
];

#[test]
fn every_class_has_somebody_and_one_sentence() {
    assert_eq!(TABLE.map(|(class, ..)| class), Class::ALL);
    let asked = Usage { requests: 1, ..Usage::default() };
    for (class, alone, with_others) in TABLE {
        for (usage, party) in [(None, alone), (Some(&Usage::default()), alone), (Some(&asked), with_others)] {
            let blame = blame(class, usage);
            assert_eq!(blame.party, party, "{class}");
            let sentence = &blame.sentence;
            let stops = sentence.matches(". ").count();
            assert!(sentence.ends_with(['.', ')']) && stops == 0 && sentence.len() < 160, "{class}: {sentence}");
        }
    }
}

#[test]
fn parties_have_stable_names() {
    let all = [Party::Handler, Party::Operator, Party::Submitter, Party::Remote, Party::Machine, Party::Nobody];
    let names = all.map(|party| serde_json::to_value(party).unwrap().as_str().unwrap().to_owned());
    assert_eq!(names, ["handler", "operator", "submitter", "remote", "machine", "nobody"]);
}
