//! Versions of a handler, a host in this process, and the few words that tests say to it.

use crate::support::project::Project;
use capstan::host::handler::change::{HandlerAdd, HandlerPlaced, HandlerRollback, HandlerSwap};
use capstan::host::job::{JobAdd, JobDetail, JobShow};
use capstan::host::pulse::{Beat, PulseWait};
use capstan::host::{Host, Verb};
use serde_json::{Value, json};
use std::path::PathBuf;

/// A component with this description.
pub(crate) fn component(name: &str, version: &str, kinds: &[&str], asks: &Value) -> Vec<u8> {
    let kinds: Vec<Value> = kinds.iter().map(|kind| json!({ "kind": kind })).collect();
    let text = json!({ "name": name, "version": version, "kinds": kinds, "asks": asks }).to_string();
    capstan_test_guests::liar(&text).unwrap()
}

/// A version of a handler that is called as its kind and asks for nothing.
pub(crate) fn version(name: &str, version: &str) -> Vec<u8> {
    component(name, version, &[name], &json!({}))
}

/// A component as a file beside the project.
pub(crate) fn file(project: &Project, name: &str, wasm: &[u8]) -> PathBuf {
    let path = project.beside().join(name);
    std::fs::write(&path, wasm).unwrap();
    path
}

/// A host in this process.
pub(crate) async fn open(project: &Project) -> Host {
    Host::open(capstan::project::Project::find(project.root()).unwrap()).await.unwrap()
}

/// Stop a host and let others be it.
pub(crate) async fn close(host: Host) {
    host.stop().await.unwrap();
}

pub(crate) async fn say<V: Verb>(host: &Host, verb: V) -> V::Reply {
    verb.call(host).await.unwrap_or_else(|refusal| panic!("{refusal}: {:?}", refusal.hint))
}

pub(crate) async fn add(host: &Host, file: PathBuf) -> HandlerPlaced {
    say(host, HandlerAdd { file, manifest: None, agree: false }).await
}

pub(crate) async fn swap(host: &Host, file: PathBuf) -> HandlerPlaced {
    say(host, HandlerSwap { file, manifest: None, agree: false }).await
}

pub(crate) async fn roll_back(host: &Host, target: &str) -> HandlerPlaced {
    say(host, HandlerRollback { target: target.to_owned() }).await.items.remove(0)
}

pub(crate) async fn queue(host: &Host, kind: &str, payload: Value) -> i64 {
    say(host, JobAdd::new(kind, payload)).await.job.id
}

pub(crate) async fn job(host: &Host, id: i64) -> JobDetail {
    say(host, JobShow { id }).await
}

/// Wait until the numbers are as wanted.
pub(crate) async fn until(host: &Host, wanted: impl Fn(&Beat) -> bool) {
    let mut after = None;
    loop {
        let beat = say(host, PulseWait { after }).await;
        if wanted(&beat) {
            return;
        }
        after = Some(beat.pulse.commits);
    }
}
