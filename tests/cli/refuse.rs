//! What cannot be, for each verb: the exit code, the words, what to do instead; and nothing is changed.

use crate::support::project::Project;
use std::collections::BTreeMap;

/// A command, its exit code, and what it complains of. `{…}` are files that lie beside the project.
type Case = (&'static [&'static str], i32, &'static [&'static str]);

const ODD: &str = r#"{"do": "echo"}"#;
const NOT_THERE: &str = "hint: `capstan job list` shows the jobs";
const NO_QUEUE: &[&str] = &["error: there is no queue \"nope\"", "hint: `capstan queue list` shows the queues"];
const NO_KEY: &[&str] = &["error: no job has or had key \"nope\"", "hint: `capstan key list` shows the keys"];
const NO_HANDLER: &[&str] = &["error: there is no handler \"nope\"", "hint: `capstan handler list` shows the handlers"];
const NO_SPAN: &str = "is no span of time: write a number with a unit, for example \"30s\" or \"2h\"";
const NO_RATE: &str = "is no rate: write a number and a unit of time, for example \"60/min\"";
const PAGE: &[&str] = &["limit 10001 is out of range: 1 to 10000"];

/// Jobs 1 to 4 are completed, failed, queued and cancelled; import 1 is done.
const JOBS: &[Case] = &[
    (&["job", "add"], 2, &["<KIND>"]),
    (
        &["job", "add", "nope"],
        2,
        &["no handler does kind \"nope\"", "hint: kinds that can be added: ingest, normalise, odd"],
    ),
    (&["job", "add", "odd", "{"], 2, &["the payload from the command line is no JSON", "hint: write JSON, @FILE"]),
    (
        &["job", "add", "odd", "[]"],
        2,
        &["does not match the schema of kind \"odd\"", "hint: `capstan handler inspect odd`"],
    ),
    (
        &["job", "add", "odd", r#"{"do": "nope"}"#],
        2,
        &["does not match the schema", "hint: `capstan handler inspect odd`"],
    ),
    (
        &["job", "add", "odd", "@/nope"],
        2,
        &["payload file /nope: No such file", "hint: name a file of text in UTF-8, or -"],
    ),
    (
        &["job", "add", "odd", ODD, "--priority", "101"],
        2,
        &["priority 101 is out of range: -100 to 100", "hint: the smaller"],
    ),
    (&["job", "add", "odd", ODD, "--priority", "-101"], 2, &["priority -101 is out of range", "hint: the smaller"]),
    (
        &["job", "add", "odd", ODD, "--queue", "a b"],
        2,
        &["\"a b\" is no name of a queue: 1 to 64", "hint: `capstan queue list`"],
    ),
    (
        &["job", "add", "odd", ODD, "--key", ""],
        2,
        &["a key has no empty name: leave it out, or name what the jobs share"],
    ),
    (&["job", "add", "odd", ODD, "--tag", ""], 2, &["a tag is empty", "hint: leave it out"]),
    (
        &["job", "add", "odd", ODD, "--at", "soon"],
        2,
        &["\"soon\" is no point in time: write for example \"2026-01-31 08:00\""],
    ),
    (&["job", "add", "odd", ODD, "--in", "3"], 2, &["\"3\"", NO_SPAN]),
    (&["job", "add", "odd", ODD, "--in", "1h", "--at", "2100-01-01 08:00"], 2, &["cannot be used with '--at <TIME>'"]),
    (
        &["job", "add", "odd", ODD, "--deadline", "2000-01-01 08:00"],
        2,
        &["deadline 2000-01-01T08:00:00Z has passed", "hint: name a later one"],
    ),
    (
        &["job", "add", "odd", ODD, "--deadline", "1h", "--in", "2h"],
        2,
        &["before which the job does not run", "hint: name a later deadline"],
    ),
    (
        &["job", "add", "odd", ODD, "--subject", "xyz"],
        2,
        &["subject \"xyz\" is no subject id: 32 lower-case hex digits", "hint: `capstan artifact list`"],
    ),
    (
        &["job", "add", "odd", ODD, "--subject", "00000000000000000000000000000000"],
        3,
        &["there is no subject 0000", "hint: `capstan artifact list`"],
    ),
    (&["job", "add", "odd", ODD, "--on-conflict", "skip"], 2, &["--unique"]),
    (&["job", "add", "odd", ODD, "--unique", "--on-conflict", "nope"], 2, &["it is one of existing, skip, replace"]),
    (
        &["job", "add", "odd", ODD, "--unique", "--unique-states", "nope"],
        2,
        &["a state is one of queued, running, completed"],
    ),
    (&["job", "add", "--from", "/nope"], 2, &["file /nope: No such file", "hint: name a file of text in UTF-8, or -"]),
    (&["job", "add", "odd", "--from", "{kind}"], 2, &["cannot be used with '--from <FILE>'"]),
    (
        &["job", "add", "--from", "{kind}"],
        2,
        &["line 2: no handler does kind \"nope\"; nothing of the input was added", "hint: kinds that can be added"],
    ),
    (
        &["job", "add", "--from", "{torn}"],
        2,
        &["line 2 of", "is no job", "nothing of the input was added", "hint: each line is one JSON object"],
    ),
    (
        &["job", "add", "--from", "{field}"],
        2,
        &["unknown field `colour`", "nothing of the input was added", "hint: each line"],
    ),
    (
        &["job", "add", "--from", "{bytes}"],
        2,
        &["stream did not contain valid UTF-8", "hint: name a file of text in UTF-8"],
    ),
    (&["job", "show", "99"], 3, &["error: there is no job 99", NOT_THERE]),
    (&["job", "logs", "99"], 3, &["error: there is no job 99", NOT_THERE]),
    (&["job", "wait", "99"], 3, &["error: there is no job 99", NOT_THERE]),
    (&["job", "cancel", "99"], 3, &["error: there is no job 99", NOT_THERE]),
    (&["job", "retry", "99"], 3, &["error: there is no job 99", NOT_THERE]),
    (&["job", "show", "one"], 2, &["invalid value 'one' for '<ID>'"]),
    (&["job", "cancel", "9223372036854775808"], 2, &["number too large"]),
    (
        &["job", "cancel", "1"],
        1,
        &["error: job 1 is completed already", "hint: `capstan job show 1` tells how it ended"],
    ),
    (&["job", "cancel", "2"], 1, &["error: job 2 is failed already", "hint: `capstan job show 2`"]),
    (
        &["job", "retry", "1"],
        1,
        &["job 1 is completed: only failed and cancelled jobs are retried", "hint: `capstan job add`"],
    ),
    (
        &["job", "retry", "3"],
        1,
        &["job 3 is queued: only failed and cancelled jobs are retried", "hint: `capstan job add`"],
    ),
    (&["job", "list", "--state", "nope"], 2, &["a state is one of queued, running, completed, failed, cancelled"]),
    (&["job", "list", "--limit", "10001"], 2, PAGE),
    (&["job", "list", "--limit", "0"], 2, &["0 is not in 1.."]),
];

const QUEUES: &[Case] = &[
    (&["queue", "pause", "nope"], 3, NO_QUEUE),
    (&["queue", "resume", "nope"], 3, NO_QUEUE),
    (&["queue", "drain", "nope"], 3, NO_QUEUE),
    (&["queue", "set", "nope", "--concurrency", "3"], 3, NO_QUEUE),
    (&["queue", "set", "nope", "--reset"], 3, NO_QUEUE),
    (&["queue", "pause", "O d"], 2, &["\"O d\" is no name of a queue", "hint: `capstan queue list`"]),
    (&["queue", "set", "odd"], 2, &["no limit is named", "hint: name a concurrency, a rate or tokens, or reset them"]),
    (
        &["queue", "set", "odd", "--concurrency", "0"],
        2,
        &["concurrency 0 is out of range: 1 to 10000", "hint: to run none"],
    ),
    (
        &["queue", "set", "odd", "--concurrency", "10001"],
        2,
        &["concurrency 10001 is out of range: 1 to 10000", "hint: "],
    ),
    (&["queue", "set", "odd", "--rate", "fast"], 2, &["\"fast\"", NO_RATE]),
    (&["queue", "set", "odd", "--rate", "5/fortnight"], 2, &["\"5/fortnight\"", NO_RATE]),
    (
        &["queue", "set", "odd", "--tokens", "0/s"],
        2,
        &["a rate of 0 is out of range: its number must be 1 to 1000000000"],
    ),
    (&["queue", "set", "odd", "--burst", "3"], 2, &["--rate <RATE>"]),
    (
        &["queue", "set", "odd", "--rate", "none", "--burst", "3"],
        2,
        &["a burst of 3 belongs to a rate", "hint: leave out --burst"],
    ),
    (&["queue", "set", "odd", "--reset", "--rate", "1/s"], 2, &["cannot be used with"]),
];

const KEYS: &[Case] = &[
    (&["key", "release", "nope"], 3, NO_KEY),
    (&["key", "set", "nope", "--reset"], 3, NO_KEY),
    (&["key", "set", "site"], 2, &["nothing is set", "hint: name a limit or an interval, or reset both"]),
    (&["key", "set", "", "--limit", "1"], 2, &["a key has no empty name"]),
    (&["key", "set", "site", "--limit", "0"], 2, &["limit 0 is out of range: 1 to 10000", "hint: to run none"]),
    (&["key", "set", "site", "--limit", "10001"], 2, &["limit 10001 is out of range: 1 to 10000", "hint: to run none"]),
    (&["key", "set", "site", "--interval", "25h"], 2, &["interval 25h is out of range: 0s to 24h"]),
    (&["key", "set", "site", "--interval", "2"], 2, &["\"2\"", NO_SPAN]),
    (&["key", "list", "--limit", "10001"], 2, PAGE),
    (&["key", "list", "--limit", "0"], 2, &["0 is not in 1.."]),
];

const IMPORTS: &[Case] = &[
    (
        &["import", "start", "/nope"],
        2,
        &["folder /nope: No such file", "hint: name a folder with pages, or a file that lists URLs"],
    ),
    (
        &["import", "start", "{bytes}"],
        2,
        &["stream did not contain valid UTF-8", "hint: a list is a text with one URL a line"],
    ),
    (&["import", "start", "{kind}"], 2, &["it holds no URL", "hint: a list is a text with one URL a line"]),
    (
        &["import", "start", "{empty}"],
        2,
        &["holds no file with one of the endings html", "hint: import.extensions in capstan.toml"],
    ),
    (
        &["import", "start", "{pages}", "--chunk", "0"],
        2,
        &["chunk 0 is out of range: 1 to 10000", "hint: it is how many items"],
    ),
    (&["import", "start", "{pages}", "--chunk", "10001"], 2, &["chunk 10001 is out of range: 1 to 10000", "hint: "]),
    (&["import", "start", "{pages}", "--sample", "0"], 2, &["a sample of 0 takes nothing", "hint: leave it out"]),
    (&["import", "show", "9"], 3, &["there is no import 9", "hint: `capstan import list` shows the imports"]),
    (&["import", "show", "one"], 2, &["invalid value 'one' for '<ID>'"]),
    (&["import", "list", "--limit", "10001"], 2, PAGE),
    (&["import", "list", "--limit", "0"], 2, &["0 is not in 1.."]),
];

const HANDLERS: &[Case] = &[
    (&["handler", "inspect", "nope"], 3, NO_HANDLER),
    (&["handler", "disable", "nope"], 3, NO_HANDLER),
    (&["handler", "enable", "nope"], 3, NO_HANDLER),
    (&["handler", "remove", "nope"], 3, NO_HANDLER),
    (
        &["handler", "rollback", "nope"],
        3,
        &["nothing that does a kind is called \"nope\"", "hint: `capstan handler list`"],
    ),
    (&["handler", "rollback", "odd"], 1, &["odd has no version before this one", "hint: `capstan handler swap FILE`"]),
    (
        &["handler", "remove", "odd"],
        1,
        &["handler odd cannot be removed: it does odd", "hint: replace it, or disable it first"],
    ),
    (&["handler", "add", "/nope"], 2, &["component /nope: No such file"]),
    (&["handler", "swap", "/nope"], 2, &["component /nope: No such file"]),
    (&["handler", "add", "{kind}"], 2, &["cannot be a handler: not a valid component"]),
    (&["handler", "swap", "{kind}"], 2, &["cannot be a handler: not a valid component"]),
];

const REST: &[Case] = &[
    (&["config", "nope"], 2, &["unrecognized subcommand 'nope'"]),
    (
        &["--set", "limits", "job", "list"],
        2,
        &["--set \"limits\" is no key and value: write for example --set limits.cpu=10s"],
    ),
    (
        &["--set", "limits.cpu=9s", "config", "check"],
        2,
        &["cannot hold: another process is the host", "hint: change capstan.toml"],
    ),
    (&["artifact", "show", "nope"], 3, &["there is no subject \"nope\"", "hint: `capstan artifact list`"]),
    (&["artifact", "list", "--limit", "10001"], 2, PAGE),
    (&["artifact", "list", "--limit", "0"], 2, &["0 is not in 1.."]),
    (&["artifact", "list", "--after", "x"], 2, &["cursor \"x\" is none: take the `next` of a page"]),
    (&["nope"], 2, &["unrecognized subcommand 'nope'"]),
];

/// A project with something of each: jobs 1 to 4 as [`JOBS`] says, a key, a queue that is paused, an import.
fn project() -> Project {
    let project = Project::with_odd();
    project.add("odd", ODD);
    project.add("odd", r#"{"do": "permanent", "message": "no"}"#);
    project.capstan(&["run"]).exits(1);
    project.capstan(&["queue", "pause", "odd"]).ok();
    project.json(&["job", "add", "odd", r#"{"do": "answer", "value": 3}"#, "--key", "site"]);
    project.add("odd", r#"{"do": "answer", "value": 4}"#);
    project.capstan(&["job", "cancel", "4"]).ok();
    let pages = project.beside().join("pages");
    std::fs::create_dir(&pages).unwrap();
    std::fs::write(pages.join("a.html"), "<p>A page.</p>").unwrap();
    project.import(&pages);
    project.capstan(&["run"]).ok();
    project
}

/// Files with what is wrong.
fn files(project: &Project) {
    let write = |name: &str, bytes: &[u8]| std::fs::write(project.beside().join(name), bytes).unwrap();
    std::fs::create_dir(project.beside().join("empty")).unwrap();
    write("kind", b"{\"kind\": \"odd\", \"payload\": {\"do\": \"echo\"}}\n{\"kind\": \"nope\"}\n");
    write("torn", b"{\"kind\": \"odd\", \"payload\": {\"do\": \"echo\"}}\n{\"kind");
    write("field", b"{\"kind\": \"odd\", \"colour\": 1}\n");
    write("bytes", b"\xff\xfe\n");
}

/// Every row of every table, the configuration, and the names of what is kept as files.
fn all(project: &Project) -> BTreeMap<String, Vec<String>> {
    let mut all = project.dump();
    let text = std::fs::read_to_string(project.root().join("capstan.toml")).unwrap();
    all.insert("capstan.toml".to_owned(), vec![text]);
    for folder in ["handlers", "imports", "artifacts"] {
        let walk = walkdir::WalkDir::new(project.root().join(folder)).sort_by_file_name();
        let names = walk.into_iter().map(|entry| entry.unwrap().path().display().to_string());
        all.insert(folder.to_owned(), names.collect());
    }
    all
}

fn are_refused(cases: &[Case]) {
    let project = project();
    files(&project);
    let host = project.serve();
    let before = all(&project);
    for (command, code, words) in cases {
        let beside = |arg: &str| match arg.strip_prefix('{').and_then(|arg| arg.strip_suffix('}')) {
            Some(name) if !name.contains('"') => project.beside().join(name).display().to_string(),
            _ => arg.to_owned(),
        };
        let args: Vec<String> = command.iter().map(|arg| beside(arg)).collect();
        let ran = project.capstan(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((ran.code, ran.out.as_str()), (Some(*code), ""), "{command:?}: {ran:#?}");
        ran.complains(words);
        let after = all(&project);
        let changed: Vec<_> = after.iter().filter(|(what, rows)| before.get(*what) != Some(rows)).collect();
        assert!(changed.is_empty() && after.len() == before.len(), "{command:?} changed {changed:#?}");
    }
    host.stop().ok();
    project.is_sound();
}

#[test]
fn what_jobs_cannot_be() {
    are_refused(JOBS);
}

#[test]
fn what_queues_and_keys_cannot_be() {
    are_refused(QUEUES);
    are_refused(KEYS);
}

#[test]
fn what_imports_and_handlers_cannot_be() {
    are_refused(IMPORTS);
    are_refused(HANDLERS);
}

#[test]
fn what_nothing_can_be() {
    are_refused(REST);
}

#[test]
fn a_configuration_that_is_not_in_order_is_named_with_its_place_and_changes_nothing() {
    let project = project();
    let path = project.root().join("capstan.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    let host = project.serve();
    let before = project.dump();
    for (table, line, words) in [
        ("queue.odd", "concurency = 3", "unknown field `concurency`"),
        ("queue.odd", "concurrency = 0", "concurrency"),
        ("queue.odd", "rate = \"60\"", "is no rate"),
        ("queue", "ageing = \"0s\"", "ageing"),
        ("key", "limit = 0", "limit"),
        ("key.site", "min_interval = \"2\"", "min_interval"),
        ("retry", "backoff = \"square\"", "square"),
        ("retry", "jitter = 2.0", "jitter"),
        ("retry.class.nope", "max_attempts = 1", "nope"),
        ("kind.odd.retry", "max_attempts = 0", "max_attempts"),
        ("limits", "cpu = 9", "cpu"),
        ("colours", "red = 1", "unknown field `colours`"),
        ("kind.odd", "queue", "TOML parse error"),
    ] {
        project.set(table, line);
        for verb in ["check", "reload"] {
            project.capstan(&["config", verb]).exits(2).complains(&["capstan.toml", words]);
        }
        assert_eq!(project.dump(), before, "{line}");
        std::fs::write(&path, &good).unwrap();
    }
    project.capstan(&["config", "reload"]).ok();
    project.is_sound();
    host.stop().ok();
}
