//! Jobs that come while the host looks for some are taken.

use super::stage::{add, close, file, open, say, until};
use crate::support::project::Project;
use capstan::host::import::ImportStart;
use std::time::Duration;

/// Two chunks each, so that claims are on their way when the last items come and nothing comes behind them.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_last_is_taken_although_nothing_comes_behind_it() {
    const IMPORTS: u64 = 200;
    const ITEMS: u64 = 12;
    let project = Project::new();
    let host = open(&project).await;
    add(&host, file(&project, "noop.wasm", capstan_test_guests::noop())).await;
    host.start().await.unwrap();
    let list: String = (0..ITEMS).map(|item| format!("https://example.org/{item}\n")).collect();
    let from = file(&project, "list.txt", list.as_bytes());
    for import in 1..=IMPORTS {
        let kind = Some("noop".to_owned());
        say(&host, ImportStart { kind, ..ImportStart::of(from.clone()) }).await;
        let taken = until(&host, |beat| beat.pulse.ended == import * ITEMS);
        let waited = tokio::time::timeout(Duration::from_secs(60), taken).await;
        assert!(waited.is_ok(), "import {import} stands still");
    }
    close(host).await;
}
