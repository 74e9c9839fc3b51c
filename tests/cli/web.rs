//! Pages of the web, through `ingest`: which answer ends in which class, with which words.

use crate::support::project::Project;
use crate::support::web::{Page, Web, answer, html};
use serde_json::{Value, json};
use std::fs;

/// A project whose `ingest` may get pages of this server, and does not wait long.
pub(super) fn project(web: &Web) -> Project {
    let project = Project::new();
    let path = project.root().join("capstan.toml");
    let text = fs::read_to_string(&path).unwrap();
    let granted = "http = [\"GET,HEAD *://*:*\"]";
    assert!(text.contains(granted), "{text}");
    let more = format!("http = [\"GET,HEAD *://*:*\", \"GET http://127.0.0.1:{}\"]", web.port());
    fs::write(&path, text.replace(granted, &more)).unwrap();
    project.set("kind.ingest.retry", "max_attempts = 1");
    project.set("kind.ingest.config", "timeout_s = 2");
    project
}

fn add(project: &Project, url: &str) -> i64 {
    project.add("ingest", &json!({ "url": url }).to_string())
}

/// The class and the message with which the job failed.
fn failure(job: &Value) -> (String, String) {
    let error = &job["error"];
    (error["class"].as_str().unwrap_or("none").to_owned(), error["message"].as_str().unwrap_or_default().to_owned())
}

fn capture(project: &Project, job: &Value) -> Value {
    let source = job["source"].as_str().unwrap();
    let shown = project.json(&["artifact", "show", source, "--kind", "ingest"]);
    let paths = shown["artifacts"].as_array().unwrap().iter().map(|artifact| artifact["path"].as_str().unwrap());
    let path = paths.into_iter().find(|path| path.ends_with("capture.json")).unwrap().to_owned();
    serde_json::from_slice(&fs::read(project.root().join(path)).unwrap()).unwrap()
}

#[test]
fn each_answer_ends_in_its_class_with_its_words() {
    let long = answer("200 OK", &["content-type: text/html"], &vec![b'x'; 50 << 20]);
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n".to_vec();
    let redirect = |to: &str| Page::Raw(answer("302 Found", &[&format!("location: {to}")], b""));
    let other = Web::new(&[("/", Page::Raw(html("never")))]);
    let web = Web::new(&[
        ("/busy", Page::Raw(answer("429 Too Many Requests", &["retry-after: 7"], b""))),
        ("/500", Page::Raw(answer("500 Internal Server Error", &[], b""))),
        ("/403", Page::Raw(answer("403 Forbidden", &[], b""))),
        ("/image", Page::Raw(answer("200 OK", &["content-type: image/png"], b"png"))),
        ("/long", Page::Raw(long)),
        ("/endless", Page::Endless(head.clone())),
        ("/loris", Page::Stalls(head)),
        ("/silent", Page::Silent),
        ("/round", redirect("/round")),
        ("/elsewhere", redirect(&other.url("/"))),
        ("/file", redirect("file:///etc/passwd")),
        ("/torn", Page::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_vec())),
        ("/garbage", Page::Raw(b"no http at all\r\n\r\n".to_vec())),
    ]);
    let project = project(&web);
    let cases = [
        ("/404", "permanent", "answered 404 Not Found"),
        ("/403", "permanent", "answered 403 Forbidden"),
        ("/500", "transient", "answered 500 Internal Server Error"),
        ("/image", "permanent", "type `image/png` is not read"),
        ("/long", "permanent", "the answer is longer than 10485760 bytes; longer pages are not taken in"),
        ("/endless", "permanent", "the answer is longer than 10485760 bytes"),
        ("/loris", "transient", "no whole answer within 2000 ms"),
        ("/silent", "transient", "no whole answer within 2000 ms"),
        ("/round", "permanent", "more than 10 redirects"),
        ("/elsewhere", "denied", "127.0.0.1 is loopback, and such addresses are refused to handler ingest"),
        ("/file", "permanent", "scheme `file` is not http or https"),
        ("/torn", "transient", "error reading a body from connection"),
        ("/garbage", "permanent", "the answer cannot be read"),
    ];
    let ids: Vec<i64> = cases.iter().map(|(path, ..)| add(&project, &web.url(path))).collect();
    let closed = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        gone.local_addr().unwrap().port()
    };
    let unnamed = add(&project, &format!("http://127.0.0.1:{closed}/"));
    let nowhere = add(&project, "http://no-such-host.invalid/");
    project.capstan(&["run"]).exits(1);
    for (id, (path, class, words)) in ids.into_iter().zip(cases) {
        let job = project.job(id);
        let (got, message) = failure(&job);
        assert_eq!(got, class, "{path}: {message}\n{job:#}");
        assert!(message.contains(words), "{path}: {message}");
    }
    let (class, message) = failure(&project.job(unnamed));
    assert_eq!(class, "denied");
    assert!(message.ends_with(&format!("http = [\"GET http://127.0.0.1:{closed}\"]")), "{message}");
    let (class, message) = failure(&project.job(nowhere));
    assert_eq!((class.as_str(), message.contains("the host name cannot be found")), ("transient", true), "{message}");
    assert_eq!(other.seen(), [], "the redirect was not followed");
}

#[test]
fn a_pause_that_the_server_names_is_kept_and_charges_nothing() {
    let web = Web::new(&[("/busy", Page::Raw(answer("429 Too Many Requests", &["retry-after: 3600"], b"")))]);
    let project = project(&web);
    let id = add(&project, &web.url("/busy"));
    let run = project.serve();
    web.await_requests(1);
    let job = crate::support::wait::until("the job waits", || {
        let job = project.job(id);
        (job["state"] == "queued" && job["attempt"] == 0).then_some(job)
    });
    let rests = job["run_at"].as_i64().unwrap() - job["attempts"][0]["finished_at"].as_i64().unwrap();
    assert_eq!(rests, 3_600_000, "{job:#}");
    assert!(job["attempts"][0]["message"].as_str().unwrap().contains("answered 429 Too Many Requests"));
    run.kill();
}

#[test]
fn a_server_that_heals_is_tried_again_and_its_page_is_kept() {
    let broken = answer("503 Service Unavailable", &[], b"");
    let good = html("<title>Here</title><p>It is well.</p>");
    let web = Web::new(&[("/page", Page::Heals(2, broken, good))]);
    let project = project(&web);
    project.set("kind.ingest.retry", "base = \"1ms\"\ncap = \"1ms\"");
    let path = project.root().join("capstan.toml");
    let text = fs::read_to_string(&path).unwrap().replace("max_attempts = 1\n", "max_attempts = 3\n");
    fs::write(&path, text).unwrap();
    let id = add(&project, &web.url("/page"));
    project.capstan(&["run"]).ok();
    let job = project.job(id);
    assert_eq!((&job["state"], &job["attempt"]), (&json!("completed"), &json!(3)), "{job:#}");
    assert_eq!(web.seen().len(), 3);
}

#[test]
fn what_matters_about_a_page_is_noted_and_an_unchanged_one_costs_little() {
    let page = answer(
        "200 OK",
        &["content-type: text/html; charset=windows-1251", "etag: \"v1\"", "x-other: no"],
        b"<p>\xcf\xf0\xe8\xe2\xe5\xf2</p>",
    );
    let web = Web::new(&[
        ("/start", Page::Raw(answer("301 Moved Permanently", &["location: next"], b""))),
        ("/next", Page::Raw(answer("307 Temporary Redirect", &["location: /page"], b""))),
        ("/page", Page::Tagged("\"v1\"", page)),
    ]);
    let project = project(&web);
    let first = add(&project, &web.url("/start"));
    project.capstan(&["run"]).ok();
    let job = project.job(first);
    assert_eq!(job["state"], "completed", "{job:#}");
    let note = capture(&project, &job);
    assert_eq!((&note["charset"], &note["charset_from"]), (&json!("windows-1251"), &json!("header")));
    assert_eq!(note["web"]["url"], web.url("/page"));
    assert_eq!(note["web"]["status"], 200);
    assert_eq!(note["web"]["headers"][1], json!(["etag", "\"v1\""]));
    assert_eq!(note["web"]["headers"].as_array().unwrap().len(), 2);
    let used = &job["attempts"][0]["usage"];
    assert_eq!((&used["requests"], &used["sent_bytes"], &used["received_bytes"]), (&json!(3), &json!(0), &json!(13)));

    let second = add(&project, &web.url("/start"));
    project.capstan(&["run"]).ok();
    let job = project.job(second);
    assert_eq!((&job["state"], &job["unchanged"]), (&json!("completed"), &json!(true)), "{job:#}");
    assert!(web.seen().last().unwrap().headers.contains(&"if-none-match: \"v1\"".to_owned()));

    web.put("/page", Page::Raw(html("<p>new</p>")));
    let third = add(&project, &web.url("/start"));
    project.capstan(&["run"]).ok();
    assert_eq!(project.job(third)["unchanged"], false);
}

#[test]
fn a_list_becomes_jobs_with_titles_and_tags_and_its_lines_are_accounted_for() {
    let web = Web::new(&[("/a", Page::Raw(html("<p>a</p>"))), ("/b", Page::Raw(html("<p>b</p>")))]);
    let project = project(&web);
    let list = project.beside().join("list.json");
    let items = json!([web.url("/a"), {"url": web.url("/b"), "title": "Bee", "tags": ["x", "y"]}, web.url("/a#again"), "mailto:me", {"title": "none"}]);
    fs::write(&list, items.to_string()).unwrap();
    let started = project.import(&list);
    assert_eq!((&started["total"], &started["duplicate"], &started["invalid"]), (&json!(5), &json!(1), &json!(2)));
    assert!(started["unreadable"][0].as_str().unwrap().starts_with("item 4: \"mailto:me\" is no address of the web"));
    project.capstan(&["run"]).ok();
    let import = project.json(&["import", "show", "1"]);
    assert_eq!((&import["state"], &import["done"], &import["remaining"]), (&json!("completed"), &json!(2), &json!(0)));
    let jobs = project.json(&["job", "list"])["items"].clone();
    let bee = jobs.as_array().unwrap().iter().find(|job| job["title"] == "Bee").unwrap();
    assert_eq!(project.job(bee["id"].as_i64().unwrap())["tags"], json!(["x", "y"]));

    let text = project.beside().join("list.txt");
    fs::write(&text, format!("# mine\n{0}\nftp://x\n{0}\n", web.url("/a"))).unwrap();
    let said = project.capstan(&["import", "start", text.to_str().unwrap()]).ok();
    said.says(&["line 3: \"ftp://x\" is no address of the web"]).says(&[
        "import 2: 3 items of ",
        "duplicate: 1 items that are in",
        "invalid: 1 items that cannot be imported",
    ]);
    fs::write(&text, "# nothing\n").unwrap();
    project.capstan(&["import", "start", text.to_str().unwrap()]).exits(2).complains(&["it holds no URL"]);
    fs::write(&list, "[1, 2").unwrap();
    project
        .capstan(&["import", "start", list.to_str().unwrap()])
        .exits(2)
        .complains(&["it ends in the middle of the document", "(0 items were read)"]);
}

#[test]
fn a_handler_is_told_everything_about_its_job() {
    let web = Web::new(&[("/a", Page::Raw(html("<title>Its own</title>")))]);
    let project = project(&web);
    let added = project.handler("witness", capstan_test_guests::witness()).ok().json();
    project.grant(&added);
    let path = project.root().join("capstan.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("ingest = [\"normalise\"]", "ingest = [\"witness\"]")).unwrap();
    let list = project.beside().join("list.json");
    fs::write(&list, json!([{"url": web.url("/a"), "title": "Bee", "tags": ["x", "y z"]}]).to_string()).unwrap();
    project.import(&list);
    project.capstan(&["run"]).ok();
    let job = project.job(2);
    let subject = job["subject"].as_str().unwrap();
    let told = json!({
        "id": 2, "kind": "witness", "subject": subject, "source": web.url("/a"), "title": "Bee", "tags": ["x", "y z"],
        "attempt": 1, "idempotency_key": format!("{subject}-2"),
    });
    assert_eq!(job["result"]["job"], told, "{job:#}");
}
