//! What is refused: a table for each noun.

/// A command, its exit code, and what it complains of. `{…}` are files that lie beside the project.
pub(super) type Case = (&'static [&'static str], i32, &'static [&'static str]);

pub(super) const ODD: &str = r#"{"do": "echo"}"#;
const NOT_THERE: &str = "hint: `capstan job list` shows the jobs";
const NO_QUEUE: &[&str] = &["error: there is no queue \"nope\"", "hint: `capstan queue list` shows the queues"];
const NO_KEY: &[&str] = &["error: no job has or had key \"nope\"", "hint: `capstan key list` shows the keys"];
const NO_HANDLER: &[&str] = &["error: there is no handler \"nope\"", "hint: `capstan handler list` shows the handlers"];
const NO_IMPORT: &[&str] = &["error: there is no import 9", "hint: `capstan import list` shows the imports"];
const NO_SPAN: &str = "is no span of time: write a number with a unit, for example \"30s\" or \"2h\"";
const NO_RATE: &str = "is no rate: write a number and a unit of time, for example \"60/min\"";
const NO_BULK: &str = "hint: `capstan bulk list` shows the operations";
const PAGE: &[&str] = &["limit 10001 is out of range: 1 to 10000"];

/// Jobs 1 to 4 are completed, failed, queued and cancelled; import 1 is done, and operation 1 is.
pub(super) const JOBS: &[Case] = &[
    (&["job", "edit", "99", "--priority", "1"], 3, &["there is no job 99", NOT_THERE]),
    (&["job", "edit", "1", "--priority", "1"], 1, &["job 1 is completed: only queued jobs are edited", "hint: "]),
    (&["job", "edit", "4", "--tag", "x"], 1, &["job 4 is cancelled: only queued jobs are edited", "hint: "]),
    (
        &["job", "edit", "3", "--priority", "101"],
        2,
        &["priority 101 is out of range: -100 to 100", "hint: the smaller"],
    ),
    (&["job", "edit", "3", "--payload", "{"], 2, &["is no JSON", "hint: "]),
    (&["job", "edit", "3", "--payload", "[]"], 2, &["does not match the schema of kind \"odd\"", "hint: "]),
    (&["job", "edit", "3", "--queue", "a b"], 2, &["\"a b\" is no name of a queue: 1 to 64", "hint: "]),
    (&["job", "reschedule", "99", "--now"], 3, &["there is no job 99", NOT_THERE]),
    (&["job", "reschedule", "1", "--now"], 1, &["job 1 is completed: only queued jobs are rescheduled", "hint: "]),
    (&["job", "reschedule", "3"], 2, &["<--at <TIME>|--in <SPAN>|--now>"]),
    (&["job", "reschedule", "3", "--in", "soon"], 2, &["\"soon\"", NO_SPAN]),
    (&["job", "wait", "99"], 3, &["there is no job 99", NOT_THERE]),
    (&["job", "wait", "3", "--timeout", "soon"], 2, &["\"soon\"", NO_SPAN]),
    (&["job", "explain", "99"], 3, &["there is no job 99", NOT_THERE]),
    (&["job", "logs", "99", "--follow"], 3, &["there is no job 99", NOT_THERE]),
    (&["job", "add"], 2, &["<KIND>"]),
    (&["job", "add", "nope"], 2, &["no handler does kind \"nope\"", "hint: kinds that can be added: "]),
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
    (
        &["job", "cancel"],
        2,
        &["error: cancel has no filter", "hint: --all means all queued and running jobs; --dry-run"],
    ),
    (
        &["job", "retry", "--dry-run"],
        2,
        &["error: retry has no filter", "hint: --all means all failed and cancelled jobs"],
    ),
    (&["job", "prioritise", "--priority", "1"], 2, &["error: prioritise has no filter", "hint: --all"]),
    (&["job", "prioritise", "--all"], 2, &["--priority <PRIORITY>"]),
    (&["job", "prioritise", "3", "--priority", "101"], 2, &["priority 101 is out of range: -100 to 100", "hint: "]),
    (
        &["job", "prioritise", "--all", "--priority", "-101"],
        2,
        &["priority -101 is out of range: -100 to 100", "hint: "],
    ),
    (&["job", "prioritise", "1", "--priority", "1"], 1, &["job 1 is completed: only queued jobs are edited", "hint: "]),
    (&["job", "cancel", "--all", "--kind", "odd"], 2, &["cannot be used with"]),
    (&["job", "cancel", "3", "--kind", "odd"], 2, &["cannot be used with"]),
    (&["job", "cancel", "3", "--all"], 2, &["cannot be used with"]),
    (&["job", "cancel", "3", "--dry-run"], 2, &["cannot be used with"]),
    (&["job", "retry", "--all", "--dry-run", "--detach"], 2, &["cannot be used with"]),
    (
        &["job", "retry", "--state", "queued"],
        2,
        &[
            "error: retry is for failed and cancelled jobs, and the filter names queued ones",
            "hint: leave the state out",
        ],
    ),
    (&["job", "cancel", "--state", "failed"], 2, &["cancel is for queued and running jobs", "hint: "]),
    (&["job", "cancel", "--since", "soon"], 2, &["\"soon\" is no point in time", "or a span until now as in \"2h\""]),
    (&["job", "retry", "--class", "nope"], 2, &["a class is one of transient, permanent, deferred"]),
    (&["job", "retry", "2", "99"], 3, &["there is no job 99", NOT_THERE]),
    (
        &["failure", "delete"],
        2,
        &["error: delete has no filter", "hint: --all means all unresolved failures; --dry-run"],
    ),
    (&["failure", "resubmit", "--dry-run"], 2, &["error: resubmit has no filter", "hint: --all means"]),
    (&["failure", "delete", "1", "--all"], 2, &["cannot be used with"]),
    (&["failure", "resubmit", "1", "--kind", "odd"], 2, &["cannot be used with"]),
    (&["failure", "resubmit", "--group", "xyz"], 2, &["names no group", "hint: `capstan failure groups`"]),
    (&["failure", "delete", "--import", "99"], 3, &["there is no import 99", "hint: `capstan import list`"]),
    (&["bulk", "show", "99"], 3, &["error: there is no operation 99", NO_BULK]),
    (&["bulk", "cancel", "99"], 3, &["error: there is no operation 99", NO_BULK]),
    (&["bulk", "resume", "99"], 3, &["error: there is no operation 99", NO_BULK]),
    (&["bulk", "cancel", "1"], 1, &["error: operation 1 is completed already", "hint: `capstan bulk show 1` tells"]),
    (&["bulk", "list", "--limit", "10001"], 2, PAGE),
    (&["job", "list", "--state", "nope"], 2, &["a state is one of queued, running, completed, failed, cancelled"]),
    (&["job", "list", "--limit", "10001"], 2, PAGE),
    (&["job", "list", "--limit", "0"], 2, &["0 is not in 1.."]),
];

pub(super) const QUEUES: &[Case] = &[
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

pub(super) const KEYS: &[Case] = &[
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

pub(super) const IMPORTS: &[Case] = &[
    (
        &["import", "start", "/nope"],
        2,
        &["folder /nope: No such file", "hint: name a folder with pages, or a file that lists URLs"],
    ),
    (&["import", "start"], 2, &["<FROM>"]),
    (
        &["import", "start", "{bytes}"],
        2,
        &["bytes: its form is not known", "hint: name it with --format (urls, json, "],
    ),
    (&["import", "start", "{kind}"], 2, &["kind: its form is not known", "hint: name it with --format (urls, json, "]),
    (
        &["import", "start", "{kind}", "--format", "urls"],
        2,
        &["it holds no URL: line 1: ", "hint: if it has another form, name it with --format: "],
    ),
    (
        &["import", "start", "{kind}", "--format", "karakeep"],
        2,
        &["it is no karakeep: at byte ", "(0 items were read)", "hint: if it has another form"],
    ),
    (
        &["import", "start", "{kind}", "--format", "nope"],
        2,
        &["format \"nope\" is not known", "hint: formats: folder, "],
    ),
    (&["import", "start", "{kind}", "--format", "folder"], 2, &["kind is no folder", "hint: formats of lists: urls, "]),
    (
        &["import", "start", "{pages}", "--format", "urls"],
        2,
        &["pages is a folder, and format urls is one of lists", "hint: name the file, or leave the format out"],
    ),
    (
        &["import", "start", "{torn.json}"],
        2,
        &[
            "torn.json: it ends in the middle of ",
            "(1 items were read)",
            "hint: export it again, or take what is before",
        ],
    ),
    (
        &["import", "start", "{mixed}", "--strict"],
        2,
        &["mixed: line 2: \"javascript:alert(1)\" is no address of the web", "hint: without --strict such items are"],
    ),
    (
        &["import", "start", "{mixed}", "--kind", "nope"],
        2,
        &["no handler does kind \"nope\"", "hint: kinds that can be added: "],
    ),
    (
        &["import", "start", "{mixed}", "--kind", "odd"],
        2,
        &["does not match the schema of kind \"odd\"", "hint: `capstan handler inspect odd`"],
    ),
    (
        &["import", "start", "{mixed}", "--then", "nope"],
        2,
        &["no handler does kind \"nope\"", "hint: kinds that can be added: "],
    ),
    (
        &["import", "start", "{mixed}", "--then", "odd"],
        2,
        &["does not match the schema of kind \"odd\"", "hint: `capstan handler inspect odd`"],
    ),
    (
        &["import", "start", "{mixed}", "--then", "odd", "--then-payload", "{"],
        2,
        &["--then-payload is no JSON", "hint: quote it"],
    ),
    (&["import", "start", "{mixed}", "--then-payload", "{}"], 2, &["--then <KIND>"]),
    (&["import", "start", "{mixed}", "--chunk", "ten"], 2, &["invalid value 'ten' for '--chunk <CHUNK>'"]),
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
    (&["import", "show", "9"], 3, NO_IMPORT),
    (&["import", "show", "one"], 2, &["invalid value 'one' for '<ID>'"]),
    (&["import", "wait", "9"], 3, NO_IMPORT),
    (&["import", "wait", "1", "--timeout", "soon"], 2, &["\"soon\"", NO_SPAN]),
    (&["import", "pause", "9"], 3, NO_IMPORT),
    (&["import", "resume", "9"], 3, NO_IMPORT),
    (&["import", "cancel", "9"], 3, NO_IMPORT),
    (&["import", "pause", "-1"], 2, &["unexpected argument '-1'"]),
    (&["import", "pause", "1"], 1, &["import 1 is completed and cannot be paused", "hint: `capstan import show 1`"]),
    (&["import", "resume", "1"], 1, &["import 1 is completed and cannot be resumed", "hint: `capstan import show 1`"]),
    (
        &["import", "cancel", "1"],
        1,
        &["import 1 is completed and cannot be cancelled", "hint: `capstan import show 1`"],
    ),
    (&["import", "errors", "9"], 3, NO_IMPORT),
    (&["import", "errors", "9", "--export", "csv"], 3, NO_IMPORT),
    (&["import", "errors", "9", "--export", "csv", "--output", "{made}"], 3, NO_IMPORT),
    (
        &["import", "errors", "1", "--after", "x"],
        2,
        &["\"x\" is no place in the errors of import 1", "hint: it is what `next` of the page before says"],
    ),
    (&["import", "errors", "1", "--limit", "10001"], 2, PAGE),
    (&["import", "errors", "1", "--limit", "0"], 2, &["0 is not in 1.."]),
    (&["import", "errors", "1", "--export", "xml"], 2, &["invalid value 'xml'", "[possible values: csv, json]"]),
    (&["import", "errors", "1", "--export", "csv", "--limit", "3"], 2, &["cannot be used with"]),
    (&["import", "errors", "1", "--output", "{made}"], 2, &["--export <FORM>"]),
    (
        &["import", "errors", "1", "--export", "csv", "--output", "{kind}"],
        2,
        &["cannot write ", "kind: File exists", "hint: name a file that is not there yet"],
    ),
    (&["import", "list", "--limit", "10001"], 2, PAGE),
    (&["import", "list", "--before", "x"], 2, &["invalid value 'x' for '--before <ID>'"]),
    (&["import", "list", "--limit", "0"], 2, &["0 is not in 1.."]),
];

pub(super) const HANDLERS: &[Case] = &[
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

pub(super) const REST: &[Case] = &[
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
