//! The API on `state/capstan.sock`.
//!
//! Every verb is `POST /v1/<noun>/<verb>` with its request as a JSON body; the
//! answer is the reply, or a [`Refusal`] with the status that its fault has. The
//! socket belongs to the host's user alone (0600 in a 0700 folder). It cannot
//! promise that a client that hangs up stops what it asked for.

pub mod client;

use crate::host::artifact::{ArtifactList, ArtifactShow, ArtifactVerify};
use crate::host::bulk::{BulkCancel, BulkDrive, BulkList, BulkPreview, BulkShow, BulkStart};
use crate::host::config::{ConfigCheck, ConfigReload};
use crate::host::doctor::DoctorRun;
use crate::host::failure::{FailureDelete, FailureGroups, FailureList, FailureResubmit, FailureShow};
use crate::host::handler::change::{
    HandlerAdd, HandlerDisable, HandlerEnable, HandlerRemove, HandlerRollback, HandlerSwap,
};
use crate::host::handler::file::HandlerExamine;
use crate::host::handler::{HandlerInspect, HandlerList};
use crate::host::import::{
    ImportCancel, ImportErrors, ImportList, ImportPause, ImportResume, ImportRetry, ImportShow, ImportStart, ImportWait,
};
use crate::host::job::{
    JobAdd, JobAddMany, JobCancel, JobEdit, JobExplain, JobFollow, JobList, JobReschedule, JobRetry, JobShow, JobWait,
};
use crate::host::key::{KeyList, KeyRelease, KeySet};
use crate::host::pulse::PulseWait;
use crate::host::queue::{QueueDrain, QueueList, QueuePause, QueueResume, QueueSet, QueueWait};
use crate::host::refusal::{Fault, Refusal};
use crate::host::search::{SearchFind, SearchRebuild};
use crate::host::stats::StatsShow;
use crate::host::subject::{SubjectRemove, SubjectShow};
use crate::host::{Host, Verb};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::post;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use tokio::net::UnixListener;

/// Bytes of a request at most: 4 MiB.
const MAX_REQUEST: usize = 4 << 20;

/// Listen on a socket; a left-over one is replaced, for the caller holds the
/// project's lock.
///
/// # Errors
/// The socket cannot be made.
pub fn listen(socket: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    std::fs::set_permissions(socket, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answer requests until `stop` is ready; requests under way are finished.
///
/// # Errors
/// The listener broke.
pub async fn serve(
    listener: UnixListener,
    host: Arc<Host>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(host)).with_graceful_shutdown(stop).await
}

fn router(host: Arc<Host>) -> Router {
    let router = Router::new();
    let router = verb::<JobRetry>(verb::<JobCancel>(verb::<JobWait>(router)));
    let router = verb::<JobShow>(verb::<JobList>(verb::<JobAdd>(router)));
    let router = verb::<ImportShow>(verb::<ImportList>(verb::<ImportStart>(router)));
    let router = verb::<ImportCancel>(verb::<ImportResume>(verb::<ImportPause>(router)));
    let router = verb::<ImportRetry>(verb::<ImportErrors>(verb::<ImportWait>(router)));
    let router = verb::<ArtifactVerify>(verb::<ArtifactShow>(verb::<ArtifactList>(router)));
    let router = verb::<HandlerExamine>(verb::<HandlerInspect>(verb::<HandlerList>(router)));
    let router = verb::<HandlerRollback>(verb::<HandlerSwap>(verb::<HandlerAdd>(router)));
    let router = verb::<HandlerRemove>(verb::<HandlerEnable>(verb::<HandlerDisable>(router)));
    let router = verb::<DoctorRun>(verb::<StatsShow>(verb::<PulseWait>(router)));
    let router = verb::<ConfigReload>(verb::<ConfigCheck>(router));
    let router = verb::<QueuePause>(verb::<QueueList>(verb::<JobAddMany>(router)));
    let router = verb::<QueueWait>(verb::<QueueDrain>(verb::<QueueResume>(router)));
    let router = verb::<KeyRelease>(verb::<KeySet>(verb::<KeyList>(verb::<QueueSet>(router))));
    let router = verb::<SearchRebuild>(verb::<SearchFind>(verb::<JobFollow>(router)));
    let router = verb::<SubjectRemove>(verb::<SubjectShow>(router));
    let router = verb::<FailureShow>(verb::<FailureGroups>(verb::<FailureList>(router)));
    let router = verb::<FailureDelete>(verb::<FailureResubmit>(router));
    let router = verb::<JobReschedule>(verb::<JobEdit>(verb::<JobExplain>(router)));
    let router = verb::<BulkList>(verb::<BulkStart>(verb::<BulkPreview>(router)));
    let router = verb::<BulkDrive>(verb::<BulkCancel>(verb::<BulkShow>(router)));
    router.fallback(unknown).layer(DefaultBodyLimit::max(MAX_REQUEST)).with_state(host)
}

fn verb<V: Verb>(router: Router<Arc<Host>>) -> Router<Arc<Host>> {
    router.route(&format!("/v1/{}", V::ROUTE), post(answer::<V>))
}

async fn answer<V: Verb>(State(host): State<Arc<Host>>, body: Bytes) -> Response {
    let request = serde_json::from_slice::<V>(&body)
        .map_err(|error| Refusal::usage(format!("the request of {} is not readable: {error}", V::ROUTE)));
    let answer = match request {
        Ok(verb) => verb.call(&host).await,
        Err(refusal) => Err(refusal),
    };
    match answer {
        Ok(reply) => Json(reply).into_response(),
        Err(refusal) => (status(&refusal), Json(refusal)).into_response(),
    }
}

async fn unknown() -> Response {
    let refusal = Refusal::not_found("there is no such verb in this version of capstan");
    (StatusCode::NOT_FOUND, Json(refusal)).into_response()
}

const fn status(refusal: &Refusal) -> StatusCode {
    match refusal.fault {
        Fault::Usage => StatusCode::BAD_REQUEST,
        Fault::NotFound => StatusCode::NOT_FOUND,
        Fault::Failed => StatusCode::CONFLICT,
        Fault::Host => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
