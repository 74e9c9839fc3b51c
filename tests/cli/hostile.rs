//! Hostile guests among a hundred that behave, through the real binary: each ends in its class, with its words, and
//! harms nobody.

use crate::support::project::Project;
use serde_json::json;

/// What a guest does, the class that it ends in, and words of its message.
const HOSTILE: [(&str, &str, &str); 22] = [
    (r#"{"do": "trap"}"#, "trap", "aborted (an `unreachable` instruction)"),
    (r#"{"do": "panic", "message": "no wind"}"#, "trap", "no wind"),
    (r#"{"do": "stack_overflow"}"#, "trap", "recursion"),
    (r#"{"do": "exit", "code": 3}"#, "trap", "called exit(1) instead of returning from run"),
    (r#"{"do": "grow_forever"}"#, "memory-limit", "limits.memory = 67108864 allows"),
    (r#"{"do": "spin"}"#, "cpu-limit", "used more CPU time than limits.cpu = 500ms allows"),
    (r#"{"do": "log_forever"}"#, "cpu-limit", "limits.cpu = 500ms"),
    (r#"{"do": "sleep", "ms": 3600000}"#, "timeout", "ran longer than limits.wall = 8s allows"),
    (r#"{"do": "open_many", "times": 20000}"#, "quota", "limits.handles = 256 allows: close some"),
    (r#"{"do": "write_files", "files": 100000}"#, "quota", "limits.scratch_files = 1000 allows"),
    (r#"{"do": "sparse", "bytes": 1099511627776}"#, "quota", "limits.scratch_bytes = 1048576 allows"),
    (r#"{"do": "write_bytes", "bytes": 2000000}"#, "quota", "limits.scratch_bytes = 1048576 allows"),
    (r#"{"do": "big_result", "bytes": 300000}"#, "bad-output", "more than limits.result = 262144 allows"),
    (r#"{"do": "read", "path": "/etc/passwd"}"#, "permanent", "/etc/passwd"),
    (r#"{"do": "read", "path": "/output/../../../etc/passwd"}"#, "permanent", "passwd"),
    (r#"{"do": "write_to", "path": "/output/../escaped", "text": "x"}"#, "permanent", "escaped"),
    (r#"{"do": "make_folder", "path": "/output/../escaped"}"#, "permanent", "escaped"),
    (r#"{"do": "symlink", "target": "../../../../etc", "path": "/output/l"}"#, "permanent", "/output/l"),
    (r#"{"do": "symlink", "target": "/etc", "path": "/output/l/"}"#, "permanent", "/output/l"),
    (r#"{"write": {"a": "x"}, "do": "hardlink", "from": "/output/a", "to": "/output/l"}"#, "permanent", "/output/l"),
    (r#"{"write": {"a": "x"}, "do": "rename", "from": "/output/a", "to": "/output/../a"}"#, "permanent", "/output"),
    (r#"{"do": "connect", "to": "127.0.0.1:1"}"#, "permanent", "denied"),
];

#[test]
fn each_ends_in_its_class_and_a_hundred_others_complete() {
    let project = Project::with_odd();
    project.set("kind.odd.retry", "max_attempts = 1");
    for line in ["cpu = \"500ms\"", "wall = \"8s\"", "memory = \"64MiB\"", "scratch_bytes = \"1MiB\""] {
        project.set("limits", line);
    }
    let mut hostile = HOSTILE.iter();
    let mut bad = Vec::new();
    let mut good = Vec::new();
    for number in 0..100 {
        good.push(project.add("odd", &format!(r#"{{"do": "answer", "value": {number}}}"#)));
        if number % 4 == 0
            && let Some((payload, ..)) = hostile.next()
        {
            bad.push(project.add("odd", payload));
        }
    }
    project.capstan(&["run"]).exits(1);
    for (number, id) in good.into_iter().enumerate() {
        let job = project.job(id);
        assert_eq!(json!([job["state"], job["attempt"], job["result"]]), json!(["completed", 1, number]), "{job:#}");
    }
    assert_eq!(bad.len(), HOSTILE.len());
    for (id, (payload, class, words)) in bad.into_iter().zip(HOSTILE) {
        let job = project.job(id);
        assert_eq!(job["error"]["class"], class, "{payload}: {job:#}");
        assert!(job["error"]["message"].as_str().unwrap().contains(words), "{payload}: {job:#}");
    }
    for name in ["escaped", "l", "a"] {
        assert!(!project.root().join("state/scratch").join(name).exists(), "{name}");
    }
    project.is_sound();
}
