//! The two exports.

use crate::wit::capstan::handler::log::{self, Level};
use crate::wit::capstan::handler::outcomes::{Coded, Failure, Problem, Rest, Success};
use crate::wit::{Guest, Job};

struct First;

const SAYS: &str = r#"{
    "name": "first", "version": "0.1.0", "about": "speaks the first contract",
    "kinds": [{ "kind": "first", "payload": true, "config": true, "result": true, "artifacts": [] }],
    "asks": { "imports": false, "artifacts": [] }
}"#;

impl Guest for First {
    fn describe() -> String {
        SAYS.to_owned()
    }

    fn run(job: &Job) -> Result<Success, Failure> {
        for level in [Level::Debug, Level::Info, Level::Warn, Level::Error] {
            log::write(level, "ahoy", &[("from".to_owned(), "the first contract".to_owned())]);
        }
        let problem = || Problem { message: "told so".to_owned(), details: String::new() };
        let payload = job.payload();
        match payload.trim_matches('"') {
            "unchanged" => Ok(Success::Unchanged("null".to_owned())),
            "transient" => Err(Failure::Transient(problem())),
            "retry-after" => Err(Failure::RetryAfter(Rest { after_ms: 1_000, problem: problem() })),
            "permanent" => Err(Failure::Permanent(problem())),
            "other" => Err(Failure::Other(Coded { code: "told-so".to_owned(), json: "{}".to_owned() })),
            _ => Ok(Success::Done(said(job))),
        }
    }
}

fn said(job: &Job) -> String {
    let texts = [job.kind(), job.subject(), job.source(), job.title(), job.idempotency_key()];
    let (config, tags) = (job.config(), job.tags());
    format!(
        r#"{{"id": {}, "texts": {texts:?}, "tags": {tags:?}, "config": {config}, "attempt": {}}}"#,
        job.id(),
        job.attempt()
    )
}

crate::wit::export!(First with_types_in crate::wit);
