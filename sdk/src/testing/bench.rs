//! Set up one attempt and make it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

use super::desk::{self, Desk};
use super::fake::{self, Facts};
use super::folder::{self, BenchError, Files};
use super::run::Run;
use super::wire::{self, Answer, Asked, Outside};
use crate::describe::Description;
use crate::http::HttpError;
use crate::{Asks, Handler, Passage, Saved, component};

/// One attempt to come: job 1, attempt 1, payload and configuration `{}`, no source, no inputs.
#[derive(Clone)]
pub struct Bench<H: Handler> {
    facts: Facts,
    imports: Option<Files>,
    folder: Option<PathBuf>,
    inputs: BTreeMap<String, Files>,
    outside: Option<Outside>,
    desk: Desk,
    handler: PhantomData<fn() -> H>,
}

impl<H: Handler> Default for Bench<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Handler> Bench<H> {
    /// An attempt with nothing set.
    #[must_use]
    pub fn new() -> Self {
        let facts = Facts::about(H::KIND);
        let (inputs, desk) = (BTreeMap::new(), Desk::default());
        Self { facts, imports: None, folder: None, inputs, outside: None, desk, handler: PhantomData }
    }

    /// The payload.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)] // so that `json!` needs no `&`
    pub fn payload(mut self, payload: Value) -> Self {
        self.facts.payload = payload.to_string();
        self
    }

    /// The operator's configuration.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)]
    pub fn config(mut self, config: Value) -> Self {
        self.facts.config = config.to_string();
        self
    }

    /// The job's number.
    #[must_use]
    pub fn id(mut self, id: u64) -> Self {
        self.facts.id = id;
        self
    }

    /// The subject's id; 32 zeros by default.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.facts.subject = subject.into();
        self
    }

    /// Where the document comes from.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.facts.source = source.into();
        self
    }

    /// The job's title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.facts.title = title.into();
        self
    }

    /// One more tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.facts.tags.push(tag.into());
        self
    }

    /// Which try it is, counted from 1.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.facts.attempt = attempt;
        self
    }

    /// A file in the imported folder.
    #[must_use]
    pub fn import(mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.imports.get_or_insert_default().insert(path.into(), bytes.into());
        self
    }

    /// An existing folder as the imported one, in place of files given one by one.
    #[must_use]
    pub fn import_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// An existing folder as that of the project's model files.
    #[must_use]
    pub fn models_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.facts.models = folder.into();
        self
    }

    /// A file in the current generation of `kind`.
    #[must_use]
    pub fn input(mut self, kind: impl Into<String>, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.inputs.entry(kind.into()).or_default().insert(path.into(), bytes.into());
        self
    }

    /// What an earlier run left in its output, as the current generation of `kind`.
    #[must_use]
    pub fn generation(mut self, kind: impl Into<String>, of: &Run) -> Self {
        self.inputs.insert(kind.into(), of.outputs.clone());
        self
    }

    /// What answers its requests; without it every request is refused. Grants are taken as given, for any
    /// address, but only to a handler that asks for requests at all.
    #[must_use]
    pub fn outside(mut self, answer: impl Fn(&Asked) -> Result<Answer, HttpError> + Send + Sync + 'static) -> Self {
        self.outside = Some(Arc::new(answer));
        self
    }

    /// What an earlier attempt kept.
    #[must_use]
    pub fn checkpoint(mut self, format: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.desk.checkpoint = Some(Saved { format: format.into(), digest: "0".repeat(64), bytes: bytes.into() });
        self
    }

    /// What `run` kept, as the host gives it to the next attempt.
    #[must_use]
    pub fn after(mut self, run: &Run) -> Self {
        self.desk.checkpoint = run.desk.checkpoint.clone();
        self
    }

    /// What it can retrieve: passages are found by the words that they hold, whatever their tags.
    #[must_use]
    pub fn library(mut self, passages: Vec<Passage>) -> Self {
        self.desk.library = Some(passages);
        self
    }

    /// The job is cancelled: the handler learns it when it has asked so many times before.
    #[must_use]
    pub fn cancelled_after(mut self, asked: u64) -> Self {
        self.desk.cancelled_after = Some(asked);
        self
    }

    /// What a component with this handler alone says about itself.
    #[must_use]
    pub fn describe() -> Option<Description> {
        component::description(&[component::Entry::of::<H>()])
    }

    /// Make the attempt.
    ///
    /// # Errors
    ///
    /// When the bench itself cannot do its part; the handler's failure is in the [`Run`].
    pub fn run(&self) -> Result<Run, BenchError> {
        self.check(&H::asks())?;
        let place = folder::temporary()?;
        let facts = self.lay_out(place.path())?;
        let output = facts.output.clone();
        let desk = Desk { kinds: queueable(&H::asks()), ..self.desk.clone() };
        let run = || timed(|| component::run(&[component::Entry::of::<H>()], facts));
        let run = || wire::beside(self.outside.clone(), run);
        let (((outcome, cpu), log), mut desk) = desk::at(desk, || fake::logged(run));
        let outcome = match outcome {
            Ok(success) => Ok(success.try_map(|text| serde_json::from_str(&text))?),
            Err(failure) => {
                // As with the real host: nothing comes of an attempt that failed.
                desk.queued.clear();
                Err(failure)
            }
        };
        let mut outputs = Files::new();
        if output.is_dir() {
            folder::collect(&output, "", &mut outputs)?;
        }
        Ok(Run { cpu, outcome, outputs, log, desk })
    }

    fn check(&self, asks: &Asks) -> Result<(), BenchError> {
        if (self.imports.is_some() || self.folder.is_some()) && !asks.imports {
            return Err(BenchError::NotAsked("imports".to_owned()));
        }
        if !self.facts.models.as_os_str().is_empty() && !asks.models {
            return Err(BenchError::NotAsked("models".to_owned()));
        }
        if self.outside.is_some() && asks.http.is_empty() && asks.optional.http.is_empty() {
            return Err(BenchError::NotAsked("http".to_owned()));
        }
        if self.desk.library.is_some() && !asks.retrieve {
            return Err(BenchError::NotAsked("retrieve".to_owned()));
        }
        match self.inputs.keys().find(|kind| !asks.artifacts.contains(kind)) {
            Some(kind) => Err(BenchError::NotAsked(format!("artifacts of {kind}"))),
            None => Ok(()),
        }
    }

    fn lay_out(&self, root: &Path) -> Result<Facts, BenchError> {
        let facts = Facts {
            imports: self.folder.clone().unwrap_or_else(|| root.join("imports")),
            artifacts: root.join("artifacts"),
            output: root.join("output"),
            ..self.facts.clone()
        };
        if let (Some(files), None) = (&self.imports, &self.folder) {
            folder::fill(&facts.imports, files)?;
        }
        for (kind, files) in &self.inputs {
            folder::fill(&facts.artifacts.join(kind), files)?;
        }
        if !H::artifacts().is_empty() {
            folder::fill(&facts.output, &Files::new())?;
        }
        Ok(facts)
    }
}

/// The kinds that may be queued, and whether about any subject.
fn queueable(asks: &Asks) -> BTreeMap<String, bool> {
    let mut kinds = BTreeMap::new();
    for entry in &asks.enqueue {
        let any = entry.strip_suffix(":any");
        *kinds.entry(any.unwrap_or(entry).to_owned()).or_default() |= any.is_some();
    }
    kinds
}

/// What `act` returns, and the CPU time of this thread in it.
fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let clock = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        let (seconds, nanos) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
        Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default())
    };
    let began = clock();
    let value = act();
    (value, clock().saturating_sub(began))
}
