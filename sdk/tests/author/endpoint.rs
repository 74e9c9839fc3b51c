//! A model behind an API: what is sent, and which answer ends in which failure with which words.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use capstan_sdk::endpoint::{BATCH, Ending, Endpoint, MAX_CHAT, MAX_VECTORS, Message};
use capstan_sdk::http::HttpError;
use capstan_sdk::log::Level;
use capstan_sdk::testing::{Answer, Asked, Bench, Run};
use capstan_sdk::{Asks, Failure, Handler, Job, Success};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

const URL: &str = "http://127.0.0.1:11434/v1";

/// Puts one question to a model.
#[derive(Default)]
struct Thinks;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Payload {
    Chat,
    Json,
    Embed { texts: Vec<String>, dimension: Option<usize> },
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Config {
    endpoint: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Tag {
    tag: String,
}

impl Handler for Thinks {
    const KIND: &'static str = "thinks";
    const VERSION: &'static str = "0.0.0";
    const ABOUT: &'static str = "puts one question to a model";
    type Payload = Payload;
    type Config = Config;
    type Result = Value;

    fn asks() -> Asks {
        Asks::default().http("POST *://*:*")
    }

    fn run(&mut self, job: &Job<Self>) -> Result<Success<Value>, Failure> {
        let endpoint = job.config().endpoint.as_ref().unwrap();
        let messages = [Message::system("Be short."), Message::user("Where?"), Message::assistant("Here.")];
        Ok(Success::Done(match job.payload() {
            Payload::Chat => {
                let reply = endpoint.chat(&messages)?;
                json!({ "text": reply.text, "tokens": reply.tokens, "whole": reply.ending == Ending::Whole })
            }
            Payload::Json => {
                let known = |Tag { tag }| if tag == "sea" { Ok(tag) } else { Err(format!("tag {tag:?} is unknown")) };
                json!(endpoint.json(&messages, known)?)
            }
            Payload::Embed { texts, dimension } => json!(endpoint.embeddings(texts, *dimension)?),
        }))
    }
}

type Outcome = Result<Answer, HttpError>;

/// Run it beside this server; what it did, and what the server was asked.
fn run(payload: &Value, more: &Value, answer: impl Fn(&Asked) -> Outcome + Send + Sync + 'static) -> (Run, Vec<Asked>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    let mut endpoint = json!({ "url": URL, "model": "sage" });
    endpoint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let outside = move |request: &Asked| {
        notes.lock().unwrap().push(request.clone());
        answer(request)
    };
    let bench = Bench::<Thinks>::new().payload(payload.clone()).config(json!({ "endpoint": endpoint }));
    let run = bench.outside(outside).run().unwrap();
    let asked = asked.lock().unwrap().clone();
    (run, asked)
}

fn ok(body: &Value) -> Outcome {
    Ok(Answer::new(200).body(body.to_string()))
}

fn says(content: &Value, reason: &str) -> Value {
    json!({
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": content }, "finish_reason": reason }],
        "usage": { "prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7 },
    })
}

fn sent(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap()
}

fn embed(texts: usize, dimension: Option<usize>) -> Value {
    let texts: Vec<String> = (0..texts).map(|text| text.to_string()).collect();
    json!({ "embed": { "texts": texts, "dimension": dimension } })
}

/// An answer with these vectors, in this order.
fn vectors(rows: &[(usize, Value)]) -> Value {
    let data: Vec<Value> = rows.iter().map(|(index, of)| json!({ "index": index, "embedding": of })).collect();
    json!({ "data": data, "usage": { "prompt_tokens": 3, "total_tokens": 3 } })
}

#[track_caller]
fn is_bad(run: &Run, words: &str) {
    match run.failure() {
        Some(Failure::Other { code, json }) if code == "bad-output" => {
            let message = json["message"].as_str().unwrap();
            assert!(message.contains(words), "{message}");
            let entry = run.log().iter().find(|entry| entry.level == Level::Error).unwrap();
            assert!(entry.message.contains(words), "{entry:?}");
        }
        other => panic!("{words}: {other:?}"),
    }
}

/// The beginning of the answer, as the log has it.
fn logged(run: &Run) -> &str {
    let entry = run.log().iter().find(|entry| entry.level == Level::Error).unwrap();
    &entry.fields.iter().find(|(name, _)| name == "answer").unwrap().1
}

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
fn each_status_ends_in_its_failure_with_its_words() {
    let said = r#"{"error": {"message": "as the server says", "type": "x"}}"#;
    let at = format!("{URL}/chat/completions answered");
    let after = |seconds| Failure::retry_after(Duration::from_secs(seconds), "");
    let (transient, permanent) = (Failure::transient(""), Failure::permanent(""));
    let key = "if it needs a key, declare [secret.chat] in capstan.toml and add secrets = [\"chat\"] to the handler's [[grants]] entry";
    let cases = [
        (429, Some("7"), after(7), format!("{at} 429: as the server says")),
        (429, Some("Sun, 06 Nov 1994 08:49:37 GMT"), after(0), format!("{at} 429: as the server says")),
        (429, Some("soon"), transient.clone(), format!("{at} 429: as the server says")),
        (429, None, transient.clone(), format!("{at} 429: as the server says")),
        (500, Some("120"), after(120), format!("{at} 500: as the server says")),
        (500, None, transient.clone(), format!("{at} 500: as the server says")),
        (503, Some("1"), after(1), format!("{at} 503: as the server says")),
        (599, None, transient.clone(), format!("{at} 599: as the server says")),
        (408, None, transient.clone(), format!("{at} 408: as the server says")),
        (425, None, transient.clone(), format!("{at} 425: as the server says")),
        (401, None, permanent.clone(), format!("{at} 401: as the server says; {key}")),
        (403, Some("7"), permanent.clone(), format!("{at} 403: as the server says; {key}")),
        (
            404,
            None,
            permanent.clone(),
            format!(
                "{at} 404 for model `sage`: as the server says; check `url` (what stands before /chat/completions) and `model`"
            ),
        ),
        (400, None, permanent.clone(), format!("{at} 400 for model `sage`: as the server says")),
        (422, None, permanent.clone(), format!("{at} 422 for model `sage`: as the server says")),
        (600, None, permanent.clone(), format!("{at} 600 for model `sage`: as the server says")),
        (
            307,
            None,
            permanent,
            format!(
                "{at} 307: as the server says; redirects are not followed: put the address that it leads to into `url`"
            ),
        ),
    ];
    for (status, pause, class, words) in cases {
        let (run, asked) = run(&json!("chat"), &json!({}), move |_| {
            let answer = Answer::new(status).body(said);
            Ok(pause.into_iter().fold(answer, |answer, pause| answer.header("Retry-After", pause)))
        });
        let failure = run.failure().unwrap();
        assert_eq!(std::mem::discriminant(failure), std::mem::discriminant(&class), "{status}: {failure}");
        let (Failure::Transient(problem) | Failure::Permanent(problem) | Failure::RetryAfter { problem, .. }) = failure
        else {
            panic!("{status}: {failure}")
        };
        assert_eq!(problem.message, words);
        if let (Failure::RetryAfter { after, .. }, Failure::RetryAfter { after: wanted, .. }) = (failure, &class) {
            assert_eq!(after, wanted, "{status}");
        }
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
fn vectors_come_in_the_order_of_the_texts() {
    let rows = vectors(&[(2, json!([2, 0.5])), (0, json!([0, 0.5])), (1, json!([1, 0.5]))]);
    let (run, asked) = run(&embed(3, Some(2)), &json!({}), move |_| ok(&rows));
    assert_eq!(run.done(), Some(&json!([[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]])));
    assert_eq!((run.tokens(), &*asked[0].url), (3, "http://127.0.0.1:11434/v1/embeddings"));
    assert_eq!(sent(&asked[0]), json!({ "model": "sage", "input": ["0", "1", "2"] }));
}

#[test]
fn many_texts_go_in_batches() {
    let echo = |asked: &Asked| {
        let texts = sent(asked)["input"].as_array().unwrap().clone();
        let number = |text: &Value| text.as_str().unwrap().parse::<f32>().unwrap();
        ok(&vectors(&texts.iter().map(|text| json!([number(text)])).enumerate().rev().collect::<Vec<_>>()))
    };
    let (run, asked) = run(&embed(2 * BATCH + 1, None), &json!({}), echo);
    let all: Vec<[f32; 1]> = (0..2 * BATCH + 1).map(|text| [text as f32]).collect();
    assert_eq!(run.done(), Some(&json!(all)));
    let sizes: Vec<usize> = asked.iter().map(|asked| sent(asked)["input"].as_array().unwrap().len()).collect();
    assert_eq!((sizes, run.tokens()), (vec![BATCH, BATCH, 1], 9));
}

#[test]
fn no_text_is_no_request() {
    let (run, asked) = run(&embed(0, None), &json!({}), |_| Ok(Answer::new(500)));
    assert_eq!((run.done(), asked.len()), (Some(&json!([])), 0));
}

#[test]
fn a_model_that_changes_its_dimension_between_batches_is_found_out() {
    let answer = |asked: &Asked| {
        let texts = sent(asked)["input"].as_array().unwrap().len();
        let row = if texts == BATCH { json!([1, 2]) } else { json!([1, 2, 3]) };
        ok(&vectors(&(0..texts).map(|index| (index, row.clone())).collect::<Vec<_>>()))
    };
    let (run, _) = run(&embed(BATCH + 1, None), &json!({}), answer);
    is_bad(&run, "vector 0 has 3 numbers where 2 are expected");
}

#[test]
fn what_are_no_vectors_of_these_texts_cannot_be_used() {
    let one = |row: Value| vectors(&[(0, row)]).to_string();
    let cases = [
        (one(json!([1, 2, 3])), "vector 0 has 3 numbers where 2 are expected"),
        (one(json!([])), "vector 0 is empty"),
        (vectors(&[]).to_string(), "it has 0 vectors for 1 texts"),
        (vectors(&[(0, json!([1, 2])), (1, json!([1, 2]))]).to_string(), "it has 2 vectors for 1 texts"),
        (vectors(&[(1, json!([1, 2]))]).to_string(), "1 is there twice or is none of them"),
        (one(json!([1, 2])).replace("[1,2]", "[1,NaN]"), "expected value"),
        (one(json!([1, 2])).replace("[1,2]", "[1,null]"), "invalid type: null"),
        (one(json!([1, 2])).replace("[1,2]", "[1,1e39]"), "vector 0 holds a number that is none or too large"),
        (one(json!([1, 2])).replace("[1,2]", "[1,-1e999]"), "number out of range"),
        (one(json!("AACAPw==")), "invalid type: string"),
        (json!({ "data": [{ "embedding": [1, 2] }] }).to_string(), "missing field `index`"),
        (json!({ "usage": { "total_tokens": 3 } }).to_string(), "missing field `data`"),
        ("[".to_owned(), "EOF while parsing"),
    ];
    for (body, words) in cases {
        let raw = body.clone();
        let (run, _) = run(&embed(1, Some(2)), &json!({}), move |_| Ok(Answer::new(200).body(body.as_str())));
        is_bad(&run, words);
        assert_eq!(logged(&run), raw);
    }
}

#[test]
fn a_configuration_that_names_no_endpoint_is_a_permanent_failure() {
    let (run, asked) = run(&json!("chat"), &json!({ "url": "127.0.0.1:11434" }), |_| Ok(Answer::new(200)));
    let message = run.failure().unwrap().to_string();
    assert!(message.starts_with("permanent: config of kind `thinks` does not fit: endpoint.url"), "{message}");
    assert_eq!(asked, []);
}
