//! Jobs that do nothing, and projects that can do them.

use super::Folders;
use capstan::config::DEFAULT;
use capstan::host::handler::change::HandlerAdd;
use capstan::host::{Host, Verb};
use capstan::project::Project;
use capstan::rules::time::Timestamp;
use capstan::store::job::{About, NewJob};

/// When everything happens that is written without a host.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A project with the handler `noop`, which nobody serves.
pub(crate) async fn project(folders: &Folders) -> Project {
    let folder = folders.make();
    let project = Project::prepare(&folder.join("project")).unwrap();
    project.configure(DEFAULT).unwrap();
    let host = Host::open(project.clone()).await.unwrap();
    let file = folder.join("handler.wasm");
    std::fs::write(&file, capstan_test_guests::noop()).unwrap();
    HandlerAdd { file, manifest: None, agree: false }.call(&host).await.unwrap();
    host.stop().await.unwrap();
    project
}

/// A job of it, as the store takes it.
pub(crate) fn job(n: i64) -> NewJob {
    let payload = format!("{{\"n\":{n}}}");
    NewJob {
        kind: "noop".to_owned(),
        queue: "noop".to_owned(),
        about: About::payload("noop", &payload),
        payload,
        priority: 0,
        max_attempts: 5,
        run_at: NOW,
        parent: None,
        item: None,
        key: None,
        unique: None,
        deadline: None,
        now: NOW,
    }
}
