//! Requests from inside the sandbox, past all good manners.

use super::stage::{attempt, engine, limits, prepare, ready, wait};
use crate::support::web::{Page, Web, answer, html};
use capstan::capability::connect::{Connector, Lookup};
use capstan::capability::net::Net;
use capstan::capability::secret::{Place, Secret};
use capstan::rules::attempt::{Class, Outcome};
use capstan::rules::limit::Limits;
use capstan::sandbox::{Attempt, GuestThreads, Outbound, Prepared, Report};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

pub(super) fn guest() -> Prepared {
    static GUEST: LazyLock<Prepared> = LazyLock::new(|| prepare(engine(), capstan_test_guests::outside()));
    GUEST.clone()
}

fn outbound(granted: &[String], lookup: Lookup) -> Outbound {
    let asked = ["* *://*:*".parse().unwrap()].into();
    let granted = granted.iter().map(|pattern| pattern.parse().unwrap()).collect();
    let net = Net { handler: "outside".to_owned(), asked, granted };
    Outbound { net: Arc::new(net), connector: Arc::new(Connector::new(None, lookup).unwrap()), secrets: Arc::default() }
}

fn run(outbound: Outbound, limits: Limits, payload: &Value) -> Report {
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let attempt = Attempt { outbound: Some(outbound), ..attempt(&payload.to_string(), limits) };
    wait(threads.run(guest(), ready(attempt)))
}

fn done(report: &Report) -> Value {
    match &report.outcome {
        Outcome::Done(result) => serde_json::from_str(result).unwrap(),
        other => panic!("{other:?}\n{}", report.log.text),
    }
}

/// The class and the message of an attempt that failed.
fn failed(report: &Report) -> (Class, String) {
    match &report.outcome {
        Outcome::Failed(fault) => (fault.class, fault.message.clone()),
        other => panic!("{other:?}\n{}", report.log.text),
    }
}

pub(super) fn everything(web: &Web) -> Outbound {
    outbound(&["* *://*:*".to_owned(), format!("* http://127.0.0.1:{}", web.port())], Lookup::System)
}

#[test]
fn what_is_granted_goes_out_and_is_counted() {
    let web = Web::new(&[("/a", Page::Raw(html("hello"))), ("/b", Page::Raw(answer("204 No Content", &[], b"")))]);
    let payload = json!({"send": [
        {"url": web.url("/a?q=1#f")}, {"url": web.url("/a")},
        {"method": "POST", "url": web.url("/b"), "body": 10_000, "headers": [["X-Mine", "1"]]},
    ]});
    let report = run(everything(&web), limits(), &payload);
    let back = json!([{"answer": [404, "no such page"]}, {"answer": [200, "hello"]}, {"answer": [204, ""]}]);
    assert_eq!(done(&report), back);
    let used = report.usage;
    assert_eq!((used.requests, used.sent_bytes, used.received_bytes), (3, 10_000, 17));
    let seen = web.seen();
    assert_eq!(seen[0].line, "GET /a?q=1 HTTP/1.1");
    assert_eq!((seen[2].line.as_str(), seen[2].body), ("POST /b HTTP/1.1", 10_000));
    assert!(seen[2].headers.contains(&"x-mine: 1".to_owned()), "{seen:?}");
    assert!(seen[0].headers.contains(&format!("host: 127.0.0.1:{}", web.port())));
}

#[test]
fn nothing_smuggles_a_second_request_or_another_host_into_the_first() {
    let web = Web::new(&[("/", Page::Raw(html("home")))]);
    let payload = json!({"send": [
        {"url": web.url("/"), "raw_path": "http://other.example/"},
        {"url": web.url("/"), "raw_path": "//other.example/"},
        {"url": web.url("/"), "raw_path": "/ HTTP/1.1\r\nx: y"},
        {"url": web.url("/"), "headers": [["x", "1\r\nhost: other.example"]]},
        {"url": web.url("/"), "headers": [["host", "other.example"]]},
        {"url": web.url("/"), "headers": [["transfer-encoding", "chunked"]]},
        {"url": web.url("/"), "headers": [["connection", "upgrade"]]},
        {"url": web.url("/"), "headers": [["content-length", "5"]], "method": "POST", "body": 3},
        {"url": web.url("/"), "headers": [["content-length", "3"], ["content-length", "5"]], "method": "POST", "body": 3},
        {"url": format!("http://user:pw@127.0.0.1:{}/", web.port())},
    ]});
    let report = run(everything(&web), limits(), &payload);
    let back = done(&report);
    for (at, answer) in back.as_array().unwrap().iter().enumerate() {
        assert!(answer.get("error").is_some() || at == 1, "{at}: {answer}");
    }
    let own_host = format!("host: 127.0.0.1:{}", web.port());
    for seen in web.seen() {
        assert!(seen.line.starts_with("GET /") || seen.line.starts_with("POST / "), "{seen:?}");
        assert_eq!(seen.headers.iter().filter(|header| header.starts_with("host:")).collect::<Vec<_>>(), [&own_host]);
    }
}

/// An address of the open internet at which nobody answers: it takes in stray requests (RFC 7534).
const PUBLIC: &str = "192.175.48.1";

#[test]
fn a_name_that_changes_its_mind_leads_nowhere_else() {
    let web = Web::new(&[("/", Page::Raw(html("inside")))]);
    let looked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&looked);
    // Public at the first look, this machine at every later one, as a rebinding name would; then both at once.
    let given = move |name: &str| -> Vec<IpAddr> {
        assert_eq!(name, "rebind.example");
        match counter.fetch_add(1, Ordering::SeqCst) {
            0 => vec![PUBLIC.parse().unwrap()],
            1 => vec!["127.0.0.1".parse().unwrap()],
            _ => vec![PUBLIC.parse().unwrap(), "127.0.0.1".parse().unwrap()],
        }
    };
    let url = format!("http://rebind.example:{}/", web.port());
    let payload = json!({"send": [{"url": url, "within_ms": 300}, {"url": url}, {"url": url}]});
    let report = run(outbound(&["* *://*:*".to_owned()], Lookup::Given(Arc::new(given))), limits(), &payload);
    let back = done(&report);
    // It was allowed, and went to the address that was checked, where nobody answers.
    let first = back[0]["error"].as_str().unwrap();
    assert!(!first.contains("refused: it is not granted"), "{first}");
    let refused = json!({"error": format!("request to {url} was refused: it is not granted")});
    assert_eq!((&back[1], &back[2]), (&refused, &refused));
    assert_eq!(looked.load(Ordering::SeqCst), 3, "each name is looked up once");
    assert_eq!(web.seen(), []);
    assert!(report.log.text.contains("rebind.example is 127.0.0.1, which is loopback"), "{}", report.log.text);
}

#[test]
fn a_refusal_is_the_cause_of_the_failure_that_follows() {
    let web = Web::new(&[]);
    let payload = json!({"strict": true, "send": [{"url": "https://example.org/secret?key=1"}]});
    let report = run(outbound(&[format!("GET http://127.0.0.1:{}", web.port())], Lookup::System), limits(), &payload);
    let (class, message) = failed(&report);
    assert_eq!(class, Class::Denied);
    assert_eq!(
        message,
        "GET https://example.org is not granted to handler outside; to allow it add to its [[grants]] entry:\n\
         http = [\"GET https://example.org\"]"
    );
}

#[test]
fn the_last_request_and_the_last_byte_are_allowed_and_the_next_are_not() {
    let web = Web::new(&[("/", Page::Raw(html("0123456789")))]);
    let two = json!({"strict": true, "send": [{"url": web.url("/")}, {"url": web.url("/")}]});
    let exactly = Limits { requests: 2, traffic: 20, ..limits() };
    assert_eq!(done(&run(everything(&web), exactly, &two)).as_array().unwrap().len(), 2);
    let report = run(everything(&web), Limits { requests: 1, ..exactly }, &two);
    let message = "wanted to send 2 requests, more than limits.requests = 1 allows".to_owned();
    assert_eq!(failed(&report), (Class::Quota, message));
    let report = run(everything(&web), Limits { traffic: 19, ..exactly }, &two);
    let message = "wanted to send and receive 20 bytes, more than limits.traffic = 19 allows".to_owned();
    assert_eq!(failed(&report), (Class::Quota, message));
    let sent = json!({"strict": true, "send": [{"method": "POST", "url": web.url("/"), "body": 20}]});
    let report = run(everything(&web), Limits { traffic: 19, ..exactly }, &sent);
    assert_eq!(failed(&report).0, Class::Quota);
}

#[test]
fn a_handler_without_requests_reaches_nobody() {
    let web = Web::new(&[("/", Page::Raw(html("x")))]);
    let threads = GuestThreads::start(engine(), 1).unwrap();
    let payload = json!({"send": [{"url": web.url("/")}]}).to_string();
    let report = wait(threads.run(guest(), ready(attempt(&payload, limits()))));
    assert!(done(&report)[0]["error"].as_str().unwrap().contains("was refused"));
    assert_eq!((web.seen(), report.usage.requests), (Vec::new(), 0));
}

#[test]
fn a_guest_that_waits_for_a_silent_server_is_ended_by_its_time() {
    let web = Web::new(&[("/", Page::Silent)]);
    let payload = json!({"send": [{"url": web.url("/")}]});
    let short = Limits { wall: capstan::rules::time::Millis(300), ..limits() };
    let report = run(everything(&web), short, &payload);
    assert_eq!(failed(&report).0, Class::Timeout);
    assert!(report.usage.cpu_us < 100_000, "{:?}", report.usage);
}

#[test]
fn a_secret_goes_where_it_is_for_and_never_comes_back() {
    let key = "s3cret-of-the-operator";
    let echo = answer(
        "200 OK",
        &["content-type: text/plain", &format!("x-echo: {key}")],
        format!("you sent {key}!").as_bytes(),
    );
    let web = Web::new(&[("/", Page::Raw(echo))]);
    let other = Web::new(&[("/", Page::Raw(html("x")))]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{key}\n")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let to = [format!("GET http://127.0.0.1:{}", web.port()).parse().unwrap()].into();
    let secret = Secret::open("key", "authorization: Bearer {}", to, &Place::File(file)).unwrap();
    let both = ["* http://127.0.0.1:*".to_owned()];
    let outbound = Outbound { secrets: [secret].into(), ..outbound(&both, Lookup::System) };
    let payload = json!({"send": [
        {"url": web.url("/"), "headers": [["authorization", "mine"], ["accept-encoding", "gzip"]]},
        {"url": other.url("/")},
    ]});
    let report = run(outbound, limits(), &payload);
    assert_eq!(done(&report)[0], json!({"answer": [200, format!("you sent {}!", "*".repeat(key.len()))]}));
    let sent = format!("authorization: bearer {key}");
    assert_eq!(web.seen()[0].headers.iter().filter(|h| h.starts_with("authorization")).collect::<Vec<_>>(), [&sent]);
    assert!(web.seen()[0].headers.contains(&"accept-encoding: identity".to_owned()));
    assert!(!other.seen()[0].headers.iter().any(|header| header.contains("s3cret")));
    assert!(!format!("{:?}{}", report.outcome, report.log.text).contains("s3cret"));
}
