//! Questions in words: what is sent, and what comes of the answer.

use capstan_sdk::log::Level;
use capstan_sdk::testing::Answer;
use serde_json::json;

use super::{is_bad, logged, ok, run, says, sent};

#[test]
fn a_chat_is_one_request_and_its_tokens_are_charged() {
    let (run, asked) = run(&json!("chat"), &json!({}), |_| ok(&says(&json!(" There. \n"), "stop")));
    assert_eq!(run.done(), Some(&json!({ "text": "There.", "tokens": 7, "whole": true })));
    assert_eq!((run.tokens(), run.log()), (7, &[][..]));
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].method.as_str(), &*asked[0].url), ("POST", "http://127.0.0.1:11434/v1/chat/completions"));
    let headers: Vec<&str> = asked[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(headers, ["accept", "content-type", "content-length"]);
    let message = |role: &str, content: &str| json!({ "role": role, "content": content });
    assert_eq!(
        sent(&asked[0]),
        json!({
            "model": "sage", "temperature": 0.0, "stream": false,
            "messages": [message("system", "Be short."), message("user", "Where?"), message("assistant", "Here.")],
        })
    );
}

#[test]
fn what_is_configured_is_sent() {
    let more = json!({ "url": "https://api.example.org/v1/", "max_tokens": 9, "temperature": 0.7 });
    let (_, asked) = run(&json!("json"), &more, |_| ok(&says(&json!("{}"), "stop")));
    assert_eq!(asked[0].url, "https://api.example.org/v1/chat/completions");
    let sent = sent(&asked[0]);
    assert_eq!((&sent["max_tokens"], &sent["response_format"]), (&json!(9), &json!({ "type": "json_object" })));
    assert!(String::from_utf8_lossy(&asked[0].body).contains("\"temperature\":0.7,"));
}

#[test]
fn a_cut_answer_says_so() {
    let (run, _) = run(&json!("chat"), &json!({}), |_| ok(&says(&json!("There is"), "length")));
    assert_eq!(run.done().unwrap()["whole"], false);
}

#[test]
fn a_server_that_counts_nothing_is_noticed() {
    let (run, _) = run(&json!("chat"), &json!({}), |_| ok(&json!({ "choices": [{ "message": { "content": "x" } }] })));
    assert_eq!((run.done().unwrap()["tokens"].clone(), run.tokens()), (json!(0), 0));
    assert_eq!(run.log()[0].level, Level::Warn);
    assert!(
        run.log()[0].message.ends_with("/chat/completions does not say how many tokens it used, so none are charged")
    );
}

#[test]
fn an_object_is_parsed_and_judged() {
    for content in ["{\"tag\": \"sea\"}", "```json\n{\"tag\": \"sea\"}\n```"] {
        let (run, _) = run(&json!("json"), &json!({}), move |_| ok(&says(&json!(content), "stop")));
        assert_eq!(run.done(), Some(&json!("sea")), "{content}");
    }
    let refused = [
        ("{\"tag\": \"sky\"}", "stop", "tag \"sky\" is unknown"),
        ("{\"tags\": []}", "stop", "missing field `tag`"),
        ("Of course!", "stop", "expected value"),
        ("{\"tag\": \"se", "length", "(it was cut where its tokens ended: raise `max_tokens` or `context`)"),
    ];
    for (content, reason, words) in refused {
        let (run, _) = run(&json!("json"), &json!({}), move |_| ok(&says(&json!(content), reason)));
        is_bad(&run, words);
        assert_eq!((logged(&run), run.tokens()), (content, 7));
    }
}

#[test]
fn a_chat_without_words_cannot_be_used() {
    let cases = [
        ("<html>no JSON</html>".to_owned(), "expected value at line 1 column 1", 0),
        (json!({ "object": "x" }).to_string(), "missing field `choices`", 0),
        (json!({ "usage": { "total_tokens": 4 } }).to_string(), "missing field `choices`", 4),
        (json!({ "choices": [] }).to_string(), "it has no choice", 0),
        (says(&json!(null), "content_filter").to_string(), "it has no text (finish_reason \"content_filter\")", 7),
        (says(&json!(" \n"), "stop").to_string(), "it has no text (finish_reason \"stop\")", 7),
        (says(&json!(["x"]), "stop").to_string(), "invalid type: sequence, expected a string", 7),
        (String::new(), "EOF while parsing", 0),
    ];
    for (body, words, tokens) in cases {
        let raw = body.clone();
        let (run, _) = run(&json!("chat"), &json!({}), move |_| Ok(Answer::new(200).body(body.as_str())));
        is_bad(&run, words);
        assert_eq!((logged(&run), run.tokens()), (raw.as_str(), tokens), "{words}");
    }
}

#[test]
fn bytes_that_are_no_text_are_logged_as_far_as_they_go() {
    let (run, _) = run(&json!("chat"), &json!({}), |_| Ok(Answer::new(200).body(vec![0xff; 20_000])));
    is_bad(&run, "expected value");
    assert_eq!(logged(&run), "\u{fffd}".repeat(8 << 10));
}
