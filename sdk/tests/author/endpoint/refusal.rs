//! No answer, or none that is a success: which failure it is, with which words, and how long an answer may be.

use std::time::{Duration, SystemTime};

use capstan_sdk::Failure;
use capstan_sdk::endpoint::{MAX_CHAT, MAX_VECTORS};
use capstan_sdk::http::HttpError;
use capstan_sdk::testing::Answer;
use serde_json::{Value, json};

use super::{URL, embed, is_bad, logged, run, says, vectors};

#[derive(Debug, Clone, Copy)]
enum Class {
    After(u64),
    Transient,
    Permanent,
}

#[test]
fn each_status_ends_in_its_failure_with_its_words() {
    use Class::{After, Permanent, Transient};
    let said = r#"{"error": {"message": "as the server says", "type": "x"}}"#;
    let key = "; if it needs a key, declare [secret.chat] in capstan.toml and add secrets = [\"chat\"] to the \
               handler's [[grants]] entry";
    let missing = "; check `url` (what stands before /chat/completions) and `model`";
    let moved = "; redirects are not followed: put the address that it leads to into `url`";
    let past = "Sun, 06 Nov 1994 08:49:37 GMT";
    let cases = [
        (429, Some("7"), After(7), "", ""),
        (429, Some(past), After(0), "", ""),
        (429, Some("soon"), Transient, "", ""),
        (429, None, Transient, "", ""),
        (500, Some("120"), After(120), "", ""),
        (500, None, Transient, "", ""),
        (503, Some("1"), After(1), "", ""),
        (599, None, Transient, "", ""),
        (408, None, Transient, "", ""),
        (425, None, Transient, "", ""),
        (401, None, Permanent, "", key),
        (403, Some("7"), Permanent, "", key),
        (404, None, Permanent, " for model `sage`", missing),
        (400, None, Permanent, " for model `sage`", ""),
        (422, None, Permanent, " for model `sage`", ""),
        (600, None, Permanent, " for model `sage`", ""),
        (307, None, Permanent, "", moved),
    ];
    for (status, pause, class, model, hint) in cases {
        let (run, asked) = run(&json!("chat"), &json!({}), move |_| {
            let answer = Answer::new(status).body(said);
            Ok(pause.into_iter().fold(answer, |answer, pause| answer.header("Retry-After", pause)))
        });
        let words = format!("{URL}/chat/completions answered {status}{model}: as the server says{hint}");
        let wanted = match class {
            After(seconds) => Failure::retry_after(Duration::from_secs(seconds), words),
            Transient => Failure::transient(words),
            Permanent => Failure::permanent(words),
        };
        assert_eq!(run.failure(), Some(&wanted), "{pause:?}");
        assert_eq!((asked.len(), run.tokens()), (1, 0));
    }
}

#[test]
fn a_date_to_come_is_a_pause() {
    let at = SystemTime::now() + Duration::from_secs(3_600);
    let at = httpdate::fmt_http_date(at);
    let (run, _) = run(&json!("chat"), &json!({}), move |_| Ok(Answer::new(429).header("retry-after", at.as_str())));
    let Some(Failure::RetryAfter { after, .. }) = run.failure() else { panic!("{:?}", run.failure()) };
    // The date has whole seconds, and the test took some of them.
    assert!((3_000..=3_600).contains(&after.as_secs()), "{after:?}");
}

#[test]
fn the_key_of_vectors_has_a_name_of_its_own() {
    let (run, _) = run(&embed(1, None), &json!({}), |_| Ok(Answer::new(401)));
    let message = run.failure().unwrap().to_string();
    assert!(message.contains("/embeddings answered 401; if it needs a key, declare [secret.embeddings]"), "{message}");
}

#[test]
fn no_answer_is_what_the_client_says() {
    let url = || format!("{URL}/chat/completions");
    let cases = [
        (HttpError::Connection { url: url(), reason: "the connection was refused".into() }, true),
        (HttpError::Timeout { url: url(), after: Duration::from_secs(60) }, true),
        (HttpError::NotFound(url()), true),
        (HttpError::Denied(url()), false),
        (HttpError::Untrusted { url: url(), reason: "expired".into() }, false),
    ];
    for (error, is_transient) in cases {
        let words = error.to_string();
        let (run, _) = run(&json!("chat"), &json!({}), move |_| Err(error.clone()));
        let wanted = if is_transient { Failure::transient(words) } else { Failure::permanent(words) };
        assert_eq!(run.failure(), Some(&wanted));
    }
}

/// A body of exactly so many bytes that says something.
fn filled(document: &Value, bytes: u64) -> Vec<u8> {
    let mut body = document.to_string().into_bytes();
    body.resize(usize::try_from(bytes).unwrap(), b' ');
    body
}

#[test]
fn an_answer_is_as_long_as_it_may_be_and_no_longer() {
    let chat = says(&json!("x"), "stop");
    let row = vectors(&[(0, json!([1.0]))]);
    for (payload, document, limit) in [(json!("chat"), chat, MAX_CHAT), (embed(1, None), row, MAX_VECTORS)] {
        let (fits, longer) = (filled(&document, limit), filled(&document, limit + 1));
        let (whole, _) = run(&payload, &json!({}), move |_| Ok(Answer::new(200).body(fits.as_slice())));
        assert!(whole.outcome().is_ok(), "{:?}", whole.failure());
        let (refused, _) = run(&payload, &json!({}), move |_| Ok(Answer::new(200).body(longer.as_slice())));
        is_bad(&refused, &format!("it is longer than {limit} bytes"));
        assert!(logged(&refused).starts_with(&document.to_string()));
        assert_eq!((logged(&refused).len(), refused.tokens()), (8 << 10, 0));
    }
}

#[test]
fn a_configuration_that_names_no_endpoint_is_a_permanent_failure() {
    let (run, asked) = run(&json!("chat"), &json!({ "url": "127.0.0.1:11434" }), |_| Ok(Answer::new(200)));
    let message = run.failure().unwrap().to_string();
    assert!(message.starts_with("permanent: config of kind `thinks` does not fit: endpoint.url"), "{message}");
    assert_eq!(asked, []);
}
