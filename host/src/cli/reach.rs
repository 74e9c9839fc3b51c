//! Where the host is: another process, or this one.

use super::Failure;
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
    pub(super) async fn find(project: Project) -> Result<Self, Failure> {
        let socket = project.socket();
        match Host::open(project).await {
            Ok(host) => Ok(Self::Here(Arc::new(host))),
            Err(HostError::Project(ProjectError::Held { .. })) => Ok(Self::There(socket)),
            Err(error) => Err(error.into()),
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
