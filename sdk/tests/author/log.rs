//! What an attempt logs.

use capstan_sdk::log::{self, Level};
use capstan_sdk::testing::{Bench, Entry};
use capstan_sdk::{Empty, Failure, Handler, Job, Success};

/// Logs.
#[derive(Default)]
struct Logs;

impl Handler for Logs {
    const KIND: &'static str = "logs";
    const VERSION: &'static str = "0.0.0";
    const ABOUT: &'static str = "logs";
    type Payload = Empty;
    type Config = Empty;
    type Result = ();

    fn run(&mut self, job: &Job<Self>) -> Result<Success<()>, Failure> {
        let id = job.id();
        log::debug!("plain");
        log::info!("job {id}"; "bytes" => 3);
        log::warn!("{} of {}", 1, 2; "a" => "b", "c" => id,);
        log::error!("{id:>3}");
        Err(Failure::permanent("on purpose"))
    }
}

#[test]
fn entries_are_kept_in_order_with_fields() {
    let entry = |level, message: &str, fields: &[(&str, &str)]| Entry {
        level,
        message: message.into(),
        fields: fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
    };
    let run = Bench::<Logs>::new().run().unwrap();
    assert_eq!(
        run.log(),
        [
            entry(Level::Debug, "plain", &[]),
            entry(Level::Info, "job 1", &[("bytes", "3")]),
            entry(Level::Warn, "1 of 2", &[("a", "b"), ("c", "1")]),
            entry(Level::Error, "  1", &[]),
        ]
    );
}

#[test]
fn an_entry_outside_of_a_bench_harms_nothing() {
    log::info!("goes to stderr");
}
