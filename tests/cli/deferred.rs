//! A site that does not answer, among others that do: it holds up nobody, and the queue is not filled with its pages.

use crate::support::project::Project;
use crate::support::serving::Serving;
use crate::support::wait::until;
use crate::support::web::{Page, Web, html};
use serde_json::{Value, json};

/// The host that does not answer, and how many of its pages are in the list.
const SLOW: &str = "127.0.0.2";
const OF_SLOW: usize = 300;
const OTHERS: usize = 5;
const OF_EACH: usize = 50;
/// `import.per_key`, as it is by default.
const PER_KEY: usize = 50;

fn other(number: usize) -> String {
    format!("127.0.0.{}", 3 + number)
}

/// A site where pages of the slow host are held until the test lets go, and a project that may get them all.
///
/// One page of a host is asked for at once, so that they come in an order.
fn site() -> (Web, Project) {
    let web = Web::everywhere(|request| {
        let page = html(&format!("<p>Page {} of {}</p>", request.path(), request.host()));
        if request.host() == SLOW { Page::Held(page) } else { Page::Raw(page) }
    });
    let project = Project::new();
    let path = project.root().join("capstan.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let grant = format!("http = [\"GET http://127.0.0.0/8:{}\"]", web.port());
    std::fs::write(&path, text.replace("http = [\"GET,HEAD *://*:*\"]", &grant)).unwrap();
    project.set("key", "limit = 1");
    (web, project)
}

/// The addresses: most of the slow host, those of the others between them.
fn addresses(port: u16) -> Vec<String> {
    let slow = (0..OF_SLOW).map(|n| (n * 6, format!("http://{SLOW}:{port}/{n}")));
    let others = (0..OTHERS).flat_map(|host| {
        (0..OF_EACH).map(move |n| (n * 36 + host * 7 + 1, format!("http://{}:{port}/{n}", other(host))))
    });
    let mut all: Vec<_> = slow.chain(others).collect();
    all.sort();
    all.into_iter().map(|(_, address)| address).collect()
}

/// Jobs of the slow host that are in the queue or run, and how many of its pages wait in the list.
fn waiting(project: &Project) -> (usize, u64) {
    // In one look: between two of them a job that was queued may begin, and be counted twice.
    let open = "SELECT count(*) FROM job WHERE key = '127.0.0.2' AND state IN ('queued', 'running')";
    let open = usize::try_from(project.sql(open)[0]).unwrap();
    assert!(open <= PER_KEY, "{open} jobs of {SLOW}");
    (open, project.json(&["import", "show", "1"])["deferred"].as_u64().unwrap())
}

/// The paths that a host was asked for, in order.
fn asked(web: &Web, host: &str) -> Vec<String> {
    let header = format!("host: {host}:{}", web.port());
    let of_host = web.seen().into_iter().filter(|seen| seen.headers.contains(&header));
    of_host.map(|seen| seen.line.split(' ').nth(1).unwrap().to_owned()).collect()
}

fn paths(number: usize) -> Vec<String> {
    (0..number).map(|n| format!("/{n}")).collect()
}

fn until_the_others_are_done(project: &Project) {
    until("the others are done", || {
        waiting(project);
        (project.json(&["import", "show", "1"])["done"] == OTHERS * OF_EACH).then_some(())
    });
}

#[test]
fn a_slow_site_holds_up_nobody_and_does_not_fill_the_queue() {
    let (web, project) = site();
    let list = project.beside().join("list.txt");
    std::fs::write(&list, addresses(web.port()).join("\n")).unwrap();
    assert_eq!(project.import(&list)["total"], OF_SLOW + OTHERS * OF_EACH);
    let host = project.serve();
    until_the_others_are_done(&project);
    assert_eq!(waiting(&project), (PER_KEY, (OF_SLOW - PER_KEY) as u64));
    assert_eq!(asked(&web, SLOW), ["/0"], "one at once");
    project.capstan(&["import", "show", "1"]).ok().says(&["250 items wait in the list, because their sites are busy"]);
    // What waits in the list is on record.
    host.kill().killed();
    assert_eq!(waiting(&project), (PER_KEY, (OF_SLOW - PER_KEY) as u64));
    let host = project.serve();
    until("it is asked again", || (asked(&web, SLOW).len() == 2).then_some(()));
    assert_eq!(waiting(&project), (PER_KEY, (OF_SLOW - PER_KEY) as u64));

    web.let_go();
    let wait = Serving::spawn(project.root(), &["import", "wait", "1"]);
    until("all is done", || {
        let (open, deferred) = waiting(&project);
        (open == 0 && deferred == 0).then_some(())
    });
    wait.ended().ok().says(&["import 1 completed: 550 of 550 items (550 done)"]);
    host.stop().ok();
    // The first one was asked for by the host that was killed, too.
    assert_eq!(asked(&web, SLOW)[1..], paths(OF_SLOW), "each once, in order");
    for number in 0..OTHERS {
        assert_eq!(asked(&web, &other(number)), paths(OF_EACH));
    }
    project.is_sound();
}

#[test]
fn an_import_with_items_in_the_list_is_cancelled_whole() {
    let (web, project) = site();
    let list = project.beside().join("list.txt");
    std::fs::write(&list, addresses(web.port()).join("\n")).unwrap();
    project.import(&list);
    let host = project.serve();
    until_the_others_are_done(&project);
    let cancelled = project.json(&["import", "cancel", "1"]);
    assert_eq!(cancelled["state"], "cancelled");
    project.capstan(&["import", "wait", "1"]).exits(1);
    let import: Value = project.json(&["import", "show", "1"]);
    let account = ["done", "cancelled", "deferred", "remaining"].map(|place| import[place].clone());
    assert_eq!(account, [json!(OTHERS * OF_EACH), json!(OF_SLOW), json!(0), json!(0)]);
    assert_eq!(asked(&web, SLOW), ["/0"]);
    host.stop().ok();
    project.is_sound();
}
