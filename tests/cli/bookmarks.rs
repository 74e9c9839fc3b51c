//! The bookmarks of a browser, of many hosts with the faults of real ones, while the host of the jobs is killed and
//! the import is paused.
//!
//! It is 3,000 bookmarks; `CAPSTAN_BOOKMARKS=12000` makes it more, some four minutes of a debug build. When the kills and the
//! pause come is told by the number of requests that the web has seen, from a seed that `CAPSTAN_CRASH_SEED` can
//! replace.

mod made;

use crate::crash::library::nothing_was_done_twice;
use crate::crash::random::seed;
use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use fastrand::Rng;
use made::{Bookmark, Fault, File, HOSTS, Site};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Instant;

const BOOKMARKS: usize = 3_000;
/// Requests between two looks at the account.
const STEP: usize = 250;

fn number() -> usize {
    std::env::var("CAPSTAN_BOOKMARKS").map_or(BOOKMARKS, |text| text.parse().unwrap())
}

/// A project whose `ingest` may get all pages of the site, waits 2 s for each, and tries four times.
fn project(site: &Site) -> Project {
    let project = Project::new();
    let path = project.root().join("capstan.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let granted = "http = [\"GET,HEAD *://*:*\"]";
    assert!(text.contains(granted), "{text}");
    std::fs::write(&path, text.replace(granted, &format!("http = [{}]", site.grants()))).unwrap();
    project.set("kind.ingest.retry", "max_attempts = 4\nbase = \"20ms\"\ncap = \"100ms\"");
    project.set("kind.ingest.config", "timeout_s = 5");
    project
}

/// Look at the import: whatever happens, every item of it is in one place.
fn look(project: &Project) -> Value {
    let import = project.json(&["import", "show", "1"]);
    let of = |place: &str| import[place].as_i64().unwrap();
    let places = ["done", "failed", "cancelled", "duplicate", "skipped", "invalid", "remaining"];
    assert!(places.iter().all(|place| of(place) >= 0), "{import:#}");
    assert_eq!(of("total"), places.iter().map(|place| of(place)).sum::<i64>(), "{import:#}");
    import
}

/// Look again and again until the site has seen so many requests.
fn go_on(project: &Project, site: &Site, requests: usize) {
    while site.web.requests() < requests {
        site.web.await_requests(requests.min(site.web.requests() + STEP));
        look(project);
    }
}

fn kill(project: &Project, host: Serving) -> Serving {
    host.kill().killed();
    let left = look(project);
    eprintln!("killed with {} of {} items before it", left["remaining"], left["total"]);
    project.serve()
}

/// Pause the import, and see that nothing of it begins while others work.
fn pause(project: &Project, site: &Site) {
    let paused = project.json(&["import", "pause", "1"]);
    assert_eq!(paused["state"], "paused");
    until("what ran has ended", || {
        let running = project.json(&["job", "list", "--state", "running", "--limit", "1"]);
        running["items"].as_array().unwrap().is_empty().then_some(())
    });
    let (before, requests) = (look(project), site.web.requests());
    let other = format!("http://{}:{}/other", made::host(HOSTS), site.web.port());
    let other = project.add("ingest", &json!({ "url": other }).to_string()).to_string();
    // It is not there, and so it is known when it was asked for.
    project.capstan(&["job", "wait", &other]).exits(1);
    assert_eq!(site.web.requests(), requests + 1, "only the other one began");
    assert_eq!(look(project), before);
    assert_eq!(project.json(&["import", "resume", "1"])["state"], "processing");
}

/// Every error of the import, page by page.
fn errors(project: &Project) -> Vec<Value> {
    pages(project, &["import", "errors", "1", "--limit", "100"])
}

/// Everything that a list says, page by page.
fn pages(project: &Project, command: &[&str]) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let behind = after.as_deref().map(|after| ["--after", after]);
        let page = project.json(&[command, behind.as_ref().map_or(&[], |behind| &behind[..])].concat());
        all.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => after = Some(next.to_owned()),
            None => return all,
        }
    }
}

/// What is listed of a page that failed.
fn is_told(error: &Value, page: &Bookmark) {
    let (class, words) = match page.fault {
        Fault::Gone => ("permanent", "answered 404 Not Found"),
        Fault::Hangs => ("transient", "no whole answer within 5000 ms"),
        Fault::None | Fault::Heals(_) => panic!("it failed: {error:#}"),
    };
    assert_eq!((&error["class"], &error["line"]), (&json!(class), &json!(page.line)), "{error:#}");
    assert_eq!((&error["title"], &error["kind"]), (&json!(page.title), &json!("ingest")), "{error:#}");
    assert!(error["message"].as_str().unwrap().contains(words), "{error:#}");
}

/// Every failure is listed once, with all that is known of it.
fn are_told(project: &Project, file: &File) {
    let errors = errors(project);
    let (invalid, failed): (Vec<_>, Vec<_>) = errors.iter().partition(|error| error["class"] == "invalid");
    let lines: Vec<u64> = invalid.iter().map(|error| error["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, file.invalid);
    let mut pages = file.by_url();
    for error in &failed {
        let url = error["url"].as_str().unwrap();
        is_told(error, pages.remove(url).unwrap_or_else(|| panic!("{url} is not in the file, or failed twice")));
    }
    assert_eq!(failed.len(), file.failing());
    let export = project.capstan(&["import", "errors", "1", "--export", "csv"]).ok().out;
    assert_eq!(csv::Reader::from_reader(export.as_bytes()).records().count(), errors.len());
}

/// What every page left, by kind: each page once, whole, in its only generation.
fn are_published_once(project: &Project, file: &File) {
    let mut made: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    for artifact in pages(project, &["artifact", "list", "--limit", "10000"]) {
        let text = |name: &str| artifact[name].as_str().unwrap().to_owned();
        made.entry((text("source"), text("kind"))).or_default().push(artifact["path"].clone());
    }
    for page in &file.pages {
        for (kind, files) in [("ingest", 2), ("normalise", 1)] {
            let paths = made.remove(&(page.url.clone(), kind.to_owned())).unwrap_or_default();
            assert_eq!(paths.len(), files, "{kind} of {}: {paths:?}", page.url);
        }
    }
    assert!(made.is_empty(), "{made:#?}");
    assert_eq!(project.sql("SELECT count(*) FROM generation"), [2 * i64::try_from(file.pages.len()).unwrap()]);
    nothing_was_done_twice(project);
}

/// The account, without zeros.
fn account(import: &Value) -> Value {
    let places = ["total", "done", "failed", "cancelled", "duplicate", "skipped", "invalid", "remaining"];
    let filled = places.iter().filter(|place| import[**place] != 0);
    filled.map(|place| ((*place).to_owned(), import[*place].clone())).collect::<serde_json::Map<_, _>>().into()
}

/// A job carries what the browser kept.
fn carries_what_was_kept(project: &Project, page: &Bookmark) {
    let found = project.json(&["subject", "show", &page.url]);
    let made = found["kinds"].as_array().unwrap().iter().find(|made| made["kind"] == "ingest").unwrap();
    let job = project.job(made["job_id"].as_i64().unwrap());
    let Bookmark { url, title, tags, added_at, .. } = page;
    let mut payload = json!({"url": url, "title": title, "added_at": added_at});
    if !tags.is_empty() {
        payload["tags"] = json!(tags);
    }
    assert_eq!((&job["payload"], &job["tags"], &job["title"]), (&payload, &json!(tags), &json!(title)));
}

#[test]
fn bookmarks_come_in_whole_through_faults_kills_and_a_pause() {
    let (began, seed) = (Instant::now(), seed());
    let mut random = Rng::with_seed(seed);
    let site = Site::new();
    let file = site.bookmarks(number(), &mut random);
    let project = project(&site);
    let list = project.beside().join("bookmarks.html");
    std::fs::write(&list, &file.text).unwrap();
    let started = project.import(&list);
    let whole = json!({"total": number(), "duplicate": file.duplicate, "invalid": file.invalid.len()});
    assert_eq!(
        (&started["format"], started["remaining"].as_u64()),
        (&json!("netscape"), Some(file.pages.len() as u64))
    );

    let mut part = |from: usize, to: usize| random.usize(file.pages.len() * from / 100..file.pages.len() * to / 100);
    let (first, rest, second) = (part(10, 35), part(40, 55), part(60, 85));
    eprintln!("seed {seed}: killed at {first} and {second} requests, paused at {rest}");
    let mut host = project.serve();
    go_on(&project, &site, first);
    host = kill(&project, host);
    go_on(&project, &site, rest);
    pause(&project, &site);
    go_on(&project, &site, second);
    host = kill(&project, host);
    go_on(&project, &site, file.pages.len());
    project.capstan(&["import", "wait", "1"]).exits(1).says(&["import 1 completed: "]);
    eprintln!("{} requests and {:.1?} until it was completed", site.web.requests(), began.elapsed());

    let failed = file.failing();
    let mut expected = whole.clone();
    expected["done"] = json!(file.pages.len() - failed);
    expected["failed"] = json!(failed);
    // First what failed beside what had to: it says why.
    are_told(&project, &file);
    assert_eq!(account(&look(&project)), expected);
    let refused = site.state.refused.each_ref().map(|refused| refused.load(Ordering::SeqCst));
    assert!(refused.iter().all(|times| *times > 0), "the busy hosts refused {refused:?} requests");

    site.state.is_well.store(true, Ordering::SeqCst);
    project.json(&["import", "retry", "1"]);
    project.capstan(&["import", "wait", "1"]).ok();
    let mut expected = whole;
    expected["done"] = json!(file.pages.len());
    assert_eq!(account(&look(&project)), expected);
    host.stop().ok();
    are_published_once(&project, &file);
    carries_what_was_kept(&project, &file.pages[file.pages.len() / 2]);
    project.is_sound();
    eprintln!("{} bookmarks in {:.1?}; the busy hosts refused {refused:?} requests", number(), began.elapsed());
}
