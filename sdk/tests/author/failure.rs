//! Which class an error gets.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use capstan_sdk::{Failure, OrFail, Problem};
use serde_json::json;

#[test]
fn an_io_error_is_transient_when_time_can_help() {
    for kind in [ErrorKind::Interrupted, ErrorKind::TimedOut, ErrorKind::WouldBlock, ErrorKind::ConnectionReset] {
        assert!(matches!(Failure::from(Error::from(kind)), Failure::Transient(_)), "{kind:?}");
    }
    for kind in [ErrorKind::NotFound, ErrorKind::PermissionDenied, ErrorKind::StorageFull, ErrorKind::InvalidData] {
        assert!(matches!(Failure::from(Error::from(kind)), Failure::Permanent(_)), "{kind:?}");
    }
}

#[test]
fn what_cannot_be_read_is_permanent() {
    fn failures() -> Vec<Failure> {
        let json = serde_json::from_str::<u8>("x").map_err(Failure::from);
        let text = String::from_utf8(vec![0xff]).map_err(Failure::from);
        let number = "x".parse::<u8>().map_err(Failure::from);
        let boxed: Box<dyn std::error::Error> = "no".into();
        [json.err(), text.err(), number.err(), Some(boxed.into())].into_iter().flatten().collect()
    }
    assert_eq!(failures().len(), 4);
    assert!(failures().iter().all(|failure| matches!(failure, Failure::Permanent(_))));
}

#[test]
fn the_author_can_say_otherwise() {
    let busy: Result<(), _> = Err::<(), _>("busy").transient("ask the index");
    assert_eq!(busy, Err(Failure::transient("ask the index: busy")));
    let broken = Err::<(), _>(Error::from(ErrorKind::TimedOut)).permanent("read the clock");
    assert_eq!(broken.unwrap_err().to_string(), "permanent: read the clock: timed out");
    assert_eq!(None::<u8>.permanent("no title"), Err(Failure::permanent("no title")));
    assert_eq!(Some(1).transient("no title"), Ok(1));
}

#[test]
fn details_go_with_the_failure() {
    let problem = Problem { message: "slow down".into(), details: json!({ "status": 429 }) };
    assert_eq!(
        Failure::retry_after(Duration::from_secs(5), "slow down").details(json!({ "status": 429 })),
        Failure::RetryAfter { after: Duration::from_secs(5), problem }
    );
    let failure = Failure::retry_after(Duration::from_secs(5), "slow down");
    assert_eq!(failure.to_string(), "retry after 5000 ms: slow down");
}

#[test]
fn an_answer_without_use_has_a_code_of_its_own() {
    let failure = Failure::bad_output("the tags are unknown");
    assert_eq!(
        failure,
        Failure::Other { code: "bad-output".into(), json: json!({ "message": "the tags are unknown" }) }
    );
}
