//! Secrets of the operator that go with requests, and that no handler ever sees.

use super::grant::{completes, denied};
use crate::support::project::Project;
use crate::support::web::{Page, Seen, Web, answer};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const KEY: &str = "s3cret-of-the-harbour-master";

/// Servers: one that the secret is for, and another.
fn servers() -> (Web, Web) {
    let other = Web::new(&[("/", Page::Raw(answer("200 OK", &[], b"elsewhere")))]);
    let echo = answer("200 OK", &[&format!("x-echo: <{KEY}>")], format!("you sent {KEY}!").as_bytes());
    let redirect = |to: &str| Page::Raw(answer("302 Found", &[&format!("location: {to}")], b""));
    let web = Web::new(&[("/", Page::Raw(echo)), ("/home", redirect("/")), ("/away", redirect(&other.url("/")))]);
    (web, other)
}

/// A project with the handler `outside` and the entry that grants it these servers, without the secret.
fn project(web: &Web, other: &Web) -> (Project, String) {
    let project = Project::new();
    let added = project.handler("outside", capstan_test_guests::outside()).ok().json();
    let lines = added["grant"].as_str().unwrap();
    let asked = "http = [\"* *://*:*\"]\nsecrets = [\"harbour\"]";
    assert!(lines.ends_with(asked), "{lines}");
    let http = format!("http = [\"* http://127.0.0.1:{}\", \"* http://127.0.0.1:{}\"]", web.port(), other.port());
    project.set("kind.outside.retry", "max_attempts = 1");
    (project, lines.replace(asked, &http))
}

/// `[secret.harbour]` for requests to this server, kept at this place.
fn declare(project: &Project, web: &Web, place: &str) {
    let to = format!("to = [\"GET http://127.0.0.1:{}\"]", web.port());
    project.paste(&format!("[secret.harbour]\nheader = \"Authorization: Bearer {{}}\"\n{to}\n{place}"));
}

/// The file that holds the secret, with this mode.
fn keep(project: &Project, mode: u32) {
    let path = project.root().join("harbour.key");
    fs::write(&path, format!("{KEY}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
}

fn authorization(seen: &Seen) -> Vec<&str> {
    let headers = seen.headers.iter().filter(|header| header.starts_with("authorization"));
    headers.map(String::as_str).collect()
}

/// Ask both servers, directly and by redirects, as a guest that would like to see the secret.
fn ask(project: &Project, web: &Web, other: &Web) {
    let payload = json!({"strict": true, "send": [
        {"url": web.url("/"), "tell": "x-echo", "headers": [["authorization", "of the guest"]]},
        {"url": web.url("/home"), "redirects": 1},
        {"url": web.url("/away"), "redirects": 1},
        {"url": other.url("/")},
    ]});
    project.add("outside", &payload.to_string());
}

/// What came back, and who was sent what.
fn went_well(project: &Project, web: &Web, other: &Web) {
    let job = project.job(1);
    let stars = "*".repeat(KEY.len());
    let told = format!("you sent {stars}!");
    assert_eq!(
        job["result"],
        json!([
            {"answer": [200, format!("x-echo: <{stars}>\n{told}")]},
            {"answer": [200, told]},
            {"answer": [200, "elsewhere"]},
            {"answer": [200, "elsewhere"]},
        ]),
        "{job:#}"
    );
    let sent = format!("authorization: bearer {KEY}");
    // Directly; to `/home` and from there to `/`; to `/away`.
    assert_eq!(web.seen().iter().map(authorization).collect::<Vec<_>>(), [[sent.as_str()]; 4]);
    let elsewhere = other.seen();
    assert_eq!(elsewhere.len(), 2);
    assert!(!format!("{elsewhere:?}").contains("s3cret"), "{elsewhere:?}");
}

/// No file of the project holds the secret, but for the one that it is kept in.
fn is_nowhere(project: &Project) {
    for entry in walkdir::WalkDir::new(project.root()) {
        let entry = entry.unwrap();
        if entry.file_type().is_file() && entry.file_name() != "harbour.key" {
            let bytes = fs::read(entry.path()).unwrap();
            let has_it = bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes());
            assert!(!has_it, "{} holds the secret", entry.path().display());
        }
    }
    let shown = project.capstan(&["job", "show", "1"]).ok().out + &project.capstan(&["job", "logs", "1"]).ok().out;
    assert!(shown.contains("environment []") && !shown.contains(KEY), "{shown}");
}

#[test]
fn a_secret_in_a_variable_goes_where_it_is_for_and_nowhere_else() {
    let (web, other) = servers();
    let (project, grant) = project(&web, &other);
    project.paste(&format!("{grant}\nsecrets = [\"harbour\"]"));
    declare(&project, &web, "env = \"CAPSTAN_TEST_HARBOUR\"");
    ask(&project, &web, &other);
    let ran = project.capstan_with("CAPSTAN_TEST_HARBOUR", KEY, &["run"]).ok();
    assert!(!format!("{ran:?}").contains(KEY), "{ran:?}");
    went_well(&project, &web, &other);
    is_nowhere(&project);
}

#[test]
fn a_secret_in_a_file_has_to_be_the_owners_alone() {
    let (web, other) = servers();
    let (project, grant) = project(&web, &other);
    project.paste(&format!("{grant}\nsecrets = [\"harbour\"]"));
    declare(&project, &web, "file = \"harbour.key\"");
    ask(&project, &web, &other);
    let refused = |words: &str| {
        project.capstan(&["run"]).exits(1);
        let job = project.job(1);
        assert_eq!(job["error"]["class"], "host-fault", "{job:#}");
        assert_eq!(job["error"]["message"], words);
        project.capstan(&["config", "check"]).ok().says(&[words]);
        project.capstan(&["job", "retry", "1"]).ok();
    };
    let path = project.root().join("harbour.key").display().to_string();
    refused(&format!("secret.harbour cannot be read from {path}: No such file or directory (os error 2)"));
    for mode in [0o644, 0o640, 0o602, 0o610] {
        keep(&project, mode);
        refused(&format!("secret.harbour: file {path} can be read by others (mode {mode:o}): make it 0600"));
    }
    assert_eq!((web.seen(), other.seen()), (Vec::new(), Vec::new()), "nothing was sent");
    keep(&project, 0o600);
    project.capstan(&["run"]).ok();
    went_well(&project, &web, &other);
    is_nowhere(&project);
}

#[test]
fn a_secret_that_is_not_granted_is_denied_with_the_lines_that_would_allow_it() {
    let (web, other) = servers();
    let (project, grant) = project(&web, &other);
    project.paste(&grant);
    declare(&project, &web, "file = \"harbour.key\"");
    keep(&project, 0o600);
    project.add("outside", &json!({"strict": true, "send": [{"url": web.url("/")}]}).to_string());
    let (what, lines) = denied(&project);
    assert_eq!(what, "handler outside asks for the secret `harbour`");
    assert!(lines.ends_with("\nhttp = [\"* *://*:*\"]\nsecrets = [\"harbour\"]"), "{lines}");
    assert_eq!(web.seen(), []);
    project.paste(&lines);
    let back: Value = completes(&project);
    assert_eq!(back[0]["answer"][0], 200, "{back}");
    assert_eq!(authorization(&web.seen()[0]), [format!("authorization: bearer {KEY}")]);
}

#[test]
fn a_secret_that_is_granted_and_not_declared_is_asked_for() {
    let (web, other) = servers();
    let (project, grant) = project(&web, &other);
    project.paste(&format!("{grant}\nsecrets = [\"harbour\"]"));
    ask(&project, &web, &other);
    project.capstan(&["run"]).exits(1);
    let error = &project.job(1)["error"];
    assert_eq!(error["class"], "denied");
    let message = error["message"].as_str().unwrap();
    let begin = "there is no secret \"harbour\"; to give it put this into capstan.toml:\n[secret.harbour]\nheader = ";
    assert!(message.starts_with(begin), "{message}");
    assert_eq!(web.seen(), []);
}
