//! What an attempt needs: what must hold before its guest is started, and what the guest may see and send.
//!
//! [`prepare`] opens nothing but the folder of an import, once for all its jobs; [`Folders::open`] opens the others, when
//! the guest's thread gets to it.

use crate::artifact::spare::Spare;
use crate::capability::fs::Mount;
use crate::capability::grant::{Granted, Imports, Models};
use crate::clock;
use crate::handler::loaded::Checks;
use crate::rules::attempt::{Class, Fault};
use crate::rules::limit::{Limits, Wall, wall};
use crate::sandbox::{Board, Desk, JobView, Outbound};
use crate::service::handler::Ready;
use crate::service::import::root::Roots;
use crate::service::{Runtime, desk};
use crate::store::claim::Claimed;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// What an attempt needs.
pub(super) struct Prepared {
    pub(super) ready: Arc<Ready>,
    pub(super) view: JobView,
    pub(super) folders: Folders,
    pub(super) outbound: Option<Outbound>,
    pub(super) limits: Limits,
    pub(super) wall: Wall,
    pub(super) desk: Desk,
}

/// What the guest is to see, opened when its thread gets to it: many attempts
/// may wait for that, and none of them needs a folder meanwhile.
pub(super) struct Folders {
    imports: Option<Mount>,
    /// Kind and folder.
    inputs: Vec<(String, PathBuf)>,
    models: Option<PathBuf>,
    output: Output,
}

/// Whether there is an `/output`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    None,
    Wanted,
}

/// Check the job and its handler, and put together what its guest gets; or why it cannot begin.
pub(super) async fn prepare(
    runtime: &Arc<Runtime>,
    roots: &Roots,
    claimed: Box<Claimed>,
    ready: Result<Arc<Ready>, String>,
    board: Board,
) -> Result<Prepared, Fault> {
    let ready = ready.map_err(|why| Fault::new(Class::NoHandler, why))?;
    let (checks, granted, config) = check(&ready, &claimed)?;
    let imports = match (granted.imports, claimed.facts.item) {
        (Imports::Readable, Some((import, _))) => roots.mount(runtime, import).await?,
        _ => None,
    };
    let inputs = claimed.inputs.iter().map(|(kind, (_, at))| (kind.clone(), runtime.project.root().join(at))).collect();
    let output = if checks.artifacts.is_empty() { Output::None } else { Output::Wanted };
    let outbound = outbound(runtime, granted)?;
    let models = match granted.models {
        Models::Readable => Some(runtime.project.models()),
        Models::Hidden => None,
    };
    let mut limits = runtime.config.now().limits(&ready.loaded.description.name);
    let wall = wall(limits.wall, claimed.facts.running.deadline, clock::now());
    limits.wall = wall.span();
    let desk = desk::open(runtime, &claimed.facts, &ready, granted, &limits, board);
    let view = view(*claimed, config);
    Ok(Prepared { ready, view, folders: Folders { imports, inputs, models, output }, outbound, limits, wall, desk })
}

/// What must hold before a guest is started.
fn check<'a>(ready: &'a Ready, claimed: &Claimed) -> Result<(&'a Checks, &'a Granted, String), Fault> {
    let kind = &claimed.facts.kind;
    let name = &ready.loaded.description.name;
    let granted = ready.loaded.granted.as_ref().map_err(|refused| Fault::new(Class::Denied, refused.to_string()))?;
    let config = ready.config.clone().map_err(|wrong| {
        let message =
            format!("the configuration does not match the schema of kind {kind:?}: {wrong}: mend [kind.{kind}.config]");
        Fault::new(Class::HostFault, message)
    })?;
    let checks = ready
        .checks(kind)
        .ok_or_else(|| Fault::new(Class::NoHandler, format!("handler {name:?} does not do kind {kind:?}")))?;
    let payload = serde_json::from_str(&claimed.payload).map_err(|error| error.to_string());
    payload.and_then(|payload| checks.payload(&payload)).map_err(|wrong| {
        Fault::new(Class::BadPayload, format!("the payload does not match the schema of kind {kind:?}: {wrong}"))
    })?;
    Ok((checks, granted, config))
}

/// What the guest may send, with the secrets that go with it.
pub(in crate::service) fn outbound(runtime: &Runtime, granted: &Granted) -> Result<Option<Outbound>, Fault> {
    let Some(net) = granted.net.clone() else { return Ok(None) };
    let derived = runtime.derived();
    let secret = |name: &String| match derived.secrets.get(name) {
        Some(Ok(secret)) => Ok(secret.clone()),
        Some(Err(error)) => Err(Fault::new(Class::HostFault, error.to_string())),
        None => {
            let message = format!(
                "there is no secret {name:?}; to give it put this into capstan.toml:\n[secret.{name}]\n\
                 header = \"authorization: Bearer {{}}\"\nto = [\"POST https://api.example.org\"]\nenv = \"VARIABLE\""
            );
            Err(Fault::new(Class::Denied, message))
        }
    };
    let secrets = granted.secrets.iter().map(secret).collect::<Result<Arc<[_]>, _>>()?;
    Ok(Some(Outbound { net, connector: Arc::clone(&derived.connector), secrets }))
}

fn view(claimed: Claimed, config: String) -> JobView {
    let facts = claimed.facts;
    JobView {
        id: facts.running.id,
        idempotency_key: format!("{}-{}", facts.about.subject, facts.running.id),
        kind: facts.kind,
        subject: facts.about.subject,
        source: facts.about.source,
        title: facts.about.title,
        tags: facts.about.tags,
        payload: claimed.payload,
        config,
        attempt: facts.running.attempt,
    }
}

impl Folders {
    /// Open everything; the scratch is left in `kept` for whoever looks at it later.
    pub(super) fn open(self, runtime: &Runtime, lease: i64, kept: &Kept) -> Result<Vec<Mount>, Fault> {
        let fault = |error: &dyn std::error::Error| Fault::new(Class::HostFault, error.to_string());
        let mut mounts: Vec<Mount> = self.imports.into_iter().collect();
        for (kind, folder) in &self.inputs {
            mounts.push(Mount::artifacts(kind, folder).map_err(|error| fault(&error))?);
        }
        if let Some(folder) = &self.models {
            mounts.push(Mount::models(folder).map_err(|error| fault(&error))?);
        }
        if self.output == Output::Wanted {
            let spare = match runtime.spares.take() {
                Some(spare) => spare,
                None => runtime.spares.make(lease).map_err(|error| fault(&error))?,
            };
            mounts.push(Mount::output(Arc::clone(spare.scratch().dir())));
            kept.put(spare);
        }
        Ok(mounts)
    }
}

/// The scratch of an attempt, if it got so far as to have one.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Option<Spare>>>);

impl Kept {
    fn put(&self, spare: Spare) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(spare);
    }

    pub(super) fn take(&self) -> Option<Spare> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
