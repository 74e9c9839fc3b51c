//! The host's side of `capstan:handler`: the job that a guest sees and the log it
//! writes.
//!
//! Types are generated from `wit/handler.wit`; what is here answers its imports, but for
//! those that hand something in, which are in `desk`.

use super::log::Source;
use super::state::State;
use wasmtime::component::Resource;

mod generated {
    #![allow(missing_docs, unreachable_pub, clippy::all)]
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "handler",
        imports: {
            "capstan:handler/checkpoint.load": async,
            "capstan:handler/checkpoint.save": async,
            "capstan:handler/retrieve.search": async,
        },
        exports: { default: async },
        with: { "capstan:handler/jobs.job": super::JobHandle },
    });
}

pub(super) use generated::capstan::handler::outcomes::{Coded, Failure, Problem, Rest, Success};
pub(super) use generated::capstan::handler::{cancelled, checkpoint, enqueue, progress, retrieve, spend};
use generated::capstan::handler::{jobs, log, outcomes};
pub(super) use generated::{Handler, HandlerPre};

/// What the resource `job` is on this side: there is one job in a store, so the
/// handle itself carries nothing.
#[derive(Debug)]
#[allow(unreachable_pub)] // the generated code re-exports it as public
pub struct JobHandle;

/// The linker's view of everything in the contract.
pub(super) fn link(linker: &mut wasmtime::component::Linker<State>) -> wasmtime::Result<()> {
    generated::Handler::add_to_linker::<State, wasmtime::component::HasSelf<State>>(linker, |state| state)
}

impl outcomes::Host for State {}
impl jobs::Host for State {}

impl jobs::HostJob for State {
    fn id(&mut self, _: Resource<JobHandle>) -> u64 {
        u64::try_from(self.job.id).unwrap_or(0)
    }

    fn kind(&mut self, _: Resource<JobHandle>) -> String {
        self.job.kind.clone()
    }

    fn subject(&mut self, _: Resource<JobHandle>) -> String {
        self.job.subject.clone()
    }

    fn source(&mut self, _: Resource<JobHandle>) -> String {
        self.job.source.clone()
    }

    fn title(&mut self, _: Resource<JobHandle>) -> String {
        self.job.title.clone()
    }

    fn tags(&mut self, _: Resource<JobHandle>) -> Vec<String> {
        self.job.tags.clone()
    }

    fn payload(&mut self, _: Resource<JobHandle>) -> String {
        self.job.payload.clone()
    }

    fn config(&mut self, _: Resource<JobHandle>) -> String {
        self.job.config.clone()
    }

    fn attempt(&mut self, _: Resource<JobHandle>) -> u32 {
        self.job.attempt
    }

    fn idempotency_key(&mut self, _: Resource<JobHandle>) -> String {
        self.job.idempotency_key.clone()
    }

    fn drop(&mut self, _: Resource<JobHandle>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl log::Host for State {
    fn write(&mut self, level: log::Level, message: String, fields: Vec<(String, String)>) {
        let source = match level {
            log::Level::Debug => Source::Debug,
            log::Level::Info => Source::Info,
            log::Level::Warn => Source::Warn,
            log::Level::Error => Source::Error,
        };
        self.shared.record(|log| log.entry(source, &message, &fields));
    }
}
