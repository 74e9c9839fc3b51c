//! Where the host is: another process, or this one.

use super::Failure;
use crate::config::layer::Overrides;
use crate::host::refusal::Refusal;
use crate::host::{Host, HostError, Verb};
use crate::http::client;
use crate::project::{Project, ProjectError};
use std::path::PathBuf;
use std::sync::Arc;

/// A way to the host of a project.
pub(super) enum Reach {
    /// This process holds the lock.
    Here(Arc<Host>),
    /// Another process does, and listens on this socket.
    There(PathBuf),
}

impl Reach {
    /// Find the host, or become it.
    ///
    /// # Errors
    /// There is no host to be had, or another process is it and keys are set that only
    /// it could use.
    pub(super) async fn find(project: Project, overrides: Overrides) -> Result<Self, Failure> {
        let socket = project.socket();
        let flag = overrides.iter().find(|each| each.origin.starts_with("--set")).map(|each| each.origin.clone());
        match (Host::open_over(project, overrides).await, flag) {
            (Ok(host), _) => Ok(Self::Here(Arc::new(host))),
            (Err(HostError::Project(ProjectError::Held { .. })), None) => Ok(Self::There(socket)),
            (Err(HostError::Project(ProjectError::Held { .. })), Some(flag)) => {
                let refusal =
                    Refusal::usage(format!("{flag} cannot hold: another process is the host of this project"));
                Err(refusal.hint("change capstan.toml, which the host reads again, or start the host with it").into())
            }
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Say a verb.
    pub(super) async fn say<V: Verb>(&self, verb: V) -> Result<V::Reply, Failure> {
        Ok(match self {
            Self::Here(host) => verb.call(host).await?,
            Self::There(socket) => client::say(socket, &verb).await?,
        })
    }

    /// Give the host up, if this process is it.
    pub(super) async fn leave(self) -> Result<(), Failure> {
        if let Self::Here(host) = self {
            host.stop().await?;
        }
        Ok(())
    }

    /// Say one verb and leave.
    pub(super) async fn ask<V: Verb>(self, verb: V) -> Result<V::Reply, Failure> {
        let reply = self.say(verb).await;
        self.leave().await?;
        reply
    }
}
