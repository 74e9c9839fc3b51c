//! `capstan.toml`, and folders that are no project.

use crate::support::command::{about, capstan, run};
use crate::support::project::Project;
use serde_json::json;

#[test]
fn the_reference_is_printed_without_a_project() {
    let mut command = capstan();
    command.args(["config", "default"]);
    assert_eq!(run(command).ok().out.trim_end(), capstan::config::DEFAULT.trim_end());
}

/// The reference with every default of its first five tables put in force.
fn uncommented() -> String {
    let text = capstan::config::DEFAULT;
    let (defaults, _) = text.split_once("[pipeline]").unwrap();
    let is_key = |line: &str| line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let bare = |line: &str| line.strip_prefix("# ").filter(|rest| is_key(rest)).map(str::to_owned);
    defaults.lines().map(|line| bare(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

#[test]
fn the_reference_names_every_default_as_it_is() {
    use capstan::config::{
        Bulk, Config, CoredumpTable, FailureTable, Import, KeySection, LimitsTable, QueueSection, RetryTable, Worker,
    };
    let said = Config::parse(&uncommented(), std::path::Path::new("reference")).unwrap();
    assert_eq!((&said.worker, &said.import), (&Worker::default(), &Import::default()));
    assert_eq!((said.bulk, said.coredump), (Bulk::default(), CoredumpTable::default()));
    assert_eq!(said.failure, FailureTable::default());
    assert_eq!(said.limits("any"), capstan::rules::limit::Limits::default());
    assert_eq!(said.policy("any"), capstan::rules::retry::Policy::default());
    // Each key is there: a new one has to be named here and in the reference.
    let LimitsTable {
        cpu: Some(_),
        wall: Some(_),
        memory: Some(_),
        scratch_bytes: Some(_),
        scratch_files: Some(_),
        log: Some(_),
        requests: Some(_),
        traffic: Some(_),
        result: Some(_),
        checkpoint: Some(_),
        enqueued: Some(_),
        retrievals: Some(_),
        handles: Some(_),
        resources: Some(_),
        table_elements: Some(_),
        instances: Some(_),
        memories: Some(_),
        host_calls: Some(_),
        call_bytes: Some(_),
        cancel_grace: Some(_),
    } = said.limits
    else {
        panic!("{:?}", said.limits);
    };
    let RetryTable { max_attempts: Some(_), backoff: Some(_), base: Some(_), cap: Some(_), jitter: Some(_), class } =
        &said.retry
    else {
        panic!("{:?}", said.retry);
    };
    assert!(class.is_empty());
    assert_eq!((said.queue, said.key), (QueueSection::default(), KeySection::default()));
}

#[test]
fn a_wrong_configuration_stops_every_command_with_the_place_and_changes_nothing() {
    let cases = [
        ("worker", "slotz = 1", "unknown field `slotz`, expected one of `slots`, `guest_threads`, `grace`"),
        ("limits", "cpu = 30", "30 has no unit: write it as a text, for example \"30s\""),
        ("limits", "cpu = \"30\"", "\"30\" is no span of time: write a number with a unit, for example \"30s\""),
        ("limits", "memory = \"64\"", "\"64\" is no size: write a number with a unit, for example \"64MiB\""),
        ("worker", "slots = 0", "worker.slots = 0 is out of range: it must be 1 to 10000"),
        ("limits", "memory = \"8GiB\"", "limits.memory = 8589934592 is out of range: it must be 1MiB to 4GiB"),
        ("limits", "checkpoint = \"9MiB\"", "limits.checkpoint = 9437184 is out of range: it must be 0B to 8MiB"),
        ("limits", "enqueued = 10001", "limits.enqueued = 10001 is out of range: it must be 0 to 10000"),
        ("bulk", "chunk = 0", "bulk.chunk = 0 is out of range: it must be 1 to 10000"),
        ("bulk", "chunk = 10001", "bulk.chunk = 10001 is out of range: it must be 1 to 10000"),
        ("import", "chunk = 0", "import.chunk = 0 is out of range: it must be 1 to 10000"),
        ("import", "window = 10001", "import.window = 10001 is out of range: it must be 1 to 10000"),
        ("import", "single_jobs = 1001", "import.single_jobs = 1001 is out of range: it must be 0 to 1000"),
        ("import", "per_key = 0", "import.per_key = 0 is out of range: it must be 1 to 10000"),
        ("import", "per_key = 10001", "import.per_key = 10001 is out of range: it must be 1 to 10000"),
        ("import", "stagger_min = 1", "1 has no unit: write it as a text"),
        ("import", "stagger_min = \"3601s\"", "import.stagger_min = 3601s is out of range: it must be 0s to 1h"),
        (
            "import",
            "stagger_max = \"999ms\"",
            "import.stagger_max = 999ms is out of range: it must be import.stagger_min to",
        ),
        ("import", "stagger_max = \"3601s\"", "import.stagger_max = 3601s is out of range"),
        ("import", "tick = \"999ms\"", "import.tick = 999ms is out of range: it must be 1s to 1h"),
        ("import", "tick = \"3601s\"", "import.tick = 3601s is out of range: it must be 1s to 1h"),
        ("import", "per_keys = 1", "unknown field `per_keys`, expected one of `chunk`, `window`, `single_jobs`"),
        ("coredump", "keep = 7", "7 has no unit: write it as a text"),
        ("failure", "keep = 0", "failure.keep = 0 is out of range: it must be 1 to 10000"),
        ("failure", "keep = 10001", "failure.keep = 10001 is out of range: it must be 1 to 10000"),
        ("coredump", "files = 100001", "coredump.files = 100001 is out of range: it must be 0 to 100000"),
        ("handler.odd", "coredump = true", "coredump"),
        ("limits", "handles = 15", "limits.handles = 15 is out of range: it must be 16 to 10000"),
        ("limits", "resources = 1000001", "limits.resources = 1000001 is out of range: it must be 16 to 1000000"),
        ("limits", "table_elements = 99", "limits.table_elements = 99 is out of range: it must be 100 to 10000000"),
        ("limits", "instances = 0", "limits.instances = 0 is out of range: it must be 1 to 1000"),
        ("limits", "memories = 101", "limits.memories = 101 is out of range: it must be 1 to 100"),
        ("limits", "host_calls = 99", "limits.host_calls = 99 is out of range: it must be 100 or more"),
        (
            "handler.odd.limits",
            "call_bytes = \"1KiB\"",
            "handler.odd.limits.call_bytes = 1024 is out of range: it must be 64KiB to 1GiB",
        ),
        ("pipeline", "normalise = [\"ingest\"]", "capstan.toml: "),
        ("retry", "jitter = 1.5", "retry.jitter = 1.5 is out of range: it must be 0 to 1"),
        ("retry", "backoff = \"square\"", "unknown variant `square`, expected one of `fixed`, `linear`, `exponential`"),
        ("retry.class.lost", "max_attempts = 2", "retry.class.lost = lost is out of range: it must be a class that"),
        (
            "kind.ingest.retry.class.timeout",
            "max_attempts = 0",
            "kind.ingest.retry.class.timeout.max_attempts = 0 is out",
        ),
        ("queue", "ageing = \"0s\"", "queue.ageing = 0ms is out of range: it must be 1s to 720h"),
        ("queue", "agein = \"1m\"", "expected `ageing`, or the table [queue.NAME] of a queue"),
        ("queue.page", "concurrency = 10001", "queue.page.concurrency = 10001 is out of range: it must be 1 to 10000"),
        ("queue.page", "rate = \"often\"", "\"often\" is no rate: write a number and a unit of time"),
        ("queue.page", "burst = 3", "queue.page.burst = 3 is out of range: it must be beside a rate"),
        ("queue.\"a b\"", "concurrency = 1", "queue = a b is out of range: it must be a name of 1 to 64 lower-case"),
        ("kind.ingest", "queue = \"a b\"", "kind.ingest.queue = a b is out of range: it must be 1 to 64 lower-case"),
        ("kind.ingest", "key = \"path\"", "unknown variant `path`, expected `host` or `none`"),
        ("key", "limit = 10001", "key.limit = 10001 is out of range: it must be 1 to 10000"),
        ("key.\"example.org\"", "min_interval = \"25h\"", "min_interval = 25h is out of range: it must be 0s to 24h"),
    ];
    for (table, line, message) in cases {
        let project = Project::new();
        project.set(table, line);
        let before = std::fs::read(project.root().join("state/capstan.db")).unwrap();
        for args in [&["run"][..], &["config", "check"], &["job", "list"], &["serve"]] {
            project.capstan(args).exits(2).complains(&["error: ", "capstan.toml", message]);
        }
        assert_eq!(std::fs::read(project.root().join("state/capstan.db")).unwrap(), before);
    }
}

#[test]
fn what_imports_are_told_goes_to_the_edges_of_its_ranges() {
    for lines in [
        "chunk = 1\nwindow = 1\nsingle_jobs = 0\nper_key = 1\nstagger_min = \"0s\"\nstagger_max = \"0s\"\ntick = \"1s\"",
        "chunk = 10000\nwindow = 10000\nsingle_jobs = 1000\nper_key = 10000",
        "stagger_min = \"1h\"\nstagger_max = \"1h\"\ntick = \"1h\"",
    ] {
        let project = Project::new();
        project.set("import", lines);
        project.capstan(&["config", "check"]).ok();
    }
}

#[test]
fn a_parse_error_names_its_line() {
    let project = Project::new();
    project.set("worker", "slotz = 1");
    project.capstan(&["stats"]).exits(2).complains(&[
        "TOML parse error at line 8, column 1",
        "slotz = 1",
        "hint: the commented reference is what `capstan config default` prints",
    ]);
}

#[test]
fn what_is_likely_a_mistake_is_a_warning() {
    let project = Project::new();
    project.set("handler.normalize.limits", "cpu = \"1s\"");
    project.set("kind.normalize.retry", "max_attempts = 1");
    let report = project.json(&["config", "check"]);
    assert_eq!(
        report,
        json!({
            "errors": [],
            "warnings": [
                "[kind.normalize] names a kind that no handler does",
                "[handler.normalize] names a handler that is not there",
            ],
            "overrides": [],
        })
    );
}

#[test]
fn a_pipeline_to_nowhere_is_an_error() {
    let project = Project::new();
    project.pipeline("[\"dance\"]");
    let report = project.capstan(&["config", "check"]).exits(2);
    report.says(&["error: [pipeline] names kind \"dance\", which no handler does"]);
}

#[test]
fn a_handler_sees_what_its_kind_is_configured_with() {
    let project = Project::with_witness();
    project.add("witness", "{}");
    project.capstan(&["run"]).ok();
    assert_eq!(project.job(1)["result"]["config"], json!({"greeting": "", "depth": 0}));
    project.set("kind.witness.config", "greeting = \"ahoy\"\ndepth = 3");
    project.add("witness", "{}");
    project.capstan(&["run"]).ok();
    assert_eq!(project.job(2)["result"]["config"], json!({"greeting": "ahoy", "depth": 3}));
}

#[test]
fn a_configuration_that_does_not_match_its_schema_fails_the_jobs_of_its_kind_until_it_is_mended() {
    for (line, words) in [
        ("depth = -1", "/depth: -1 is less than the minimum of 0"),
        ("depth = \"deep\"", "/depth: \"deep\" is not of type \"integer\""),
        ("deepth = 1", "Additional properties are not allowed ('deepth' was unexpected)"),
    ] {
        let project = Project::with_witness();
        project.set("kind.witness.retry", "max_attempts = 1");
        project.set("kind.witness.config", line);
        let report = project.capstan(&["config", "check", "--json"]).exits(2).json();
        assert_eq!(report["errors"], json!([format!("[kind.witness.config] does not match its schema: {words}")]));
        project.add("witness", "{}");
        project.capstan(&["run"]).exits(1);
        let message = format!(
            "the configuration does not match the schema of kind \"witness\": {words}: mend [kind.witness.config]"
        );
        assert_eq!(project.job(1)["error"], json!({"class": "host-fault", "message": message}));
        let path = project.root().join("capstan.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(line, "depth = 1")).unwrap();
        project.capstan(&["job", "retry", "1"]).ok();
        project.capstan(&["run"]).ok();
        assert_eq!(project.job(1)["result"]["config"]["depth"], 1);
    }
}

#[test]
fn a_running_host_is_not_harmed_by_a_configuration_that_became_wrong() {
    let project = Project::new();
    let host = project.serve();
    project.set("worker", "slotz = 1");
    project.capstan(&["config", "check"]).exits(2).complains(&["unknown field `slotz`"]);
    host.stop().ok();
}

#[test]
fn a_folder_that_is_no_project_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    for args in [&["run"][..], &["job", "list"], &["import", "start", "/"], &["doctor"]] {
        let refused = run(about(&path, args)).exits(3);
        assert_eq!(
            refused.err,
            format!(
                "error: {0} is no capstan project (there is no capstan.toml in it or above it): \
                 make one with `capstan init {0}`, or name one with --project\n",
                path.display()
            )
        );
    }
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
}

#[test]
fn usage_errors_have_their_code_and_help_has_examples() {
    let said = |args: &[&str]| {
        let mut command = capstan();
        command.args(args);
        run(command)
    };
    said(&["dance"]).exits(2).complains(&["unrecognized subcommand 'dance'"]);
    said(&["job", "show", "one"]).exits(2).complains(&["invalid value 'one' for '<ID>'"]);
    said(&["--help"]).ok().says(&["Examples:", "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 unhealthy."]);
    said(&["--version"]).ok().says(&[concat!("capstan ", env!("CARGO_PKG_VERSION"))]);
    for noun in
        ["job add", "job list", "import start", "artifact list", "handler add", "handler inspect", "run", "init"]
    {
        let args: Vec<&str> = noun.split(' ').chain(["--help"]).collect();
        said(&args).ok().says(&["Example"]);
    }
}
