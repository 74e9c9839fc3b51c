//! Why a verb was not done, as a client sees it.

use super::HostError;
use crate::service::ServiceError;
use crate::store::StoreError;
use serde::{Deserialize, Serialize};

/// Whose fault it is, which decides the exit code and the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The request cannot be: exit code 2, status 400.
    Usage,
    /// What it names is not there: exit code 3, status 404.
    NotFound,
    /// It can be, but not now or not so: exit code 1, status 409.
    Failed,
    /// The host cannot: exit code 1, status 500.
    Host,
}

/// Why a verb was not done. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Whose fault it is.
    pub fault: Fault,
    /// What is wrong, naming the thing and the value.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Refusal {
    /// The request cannot be.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { fault: Fault::Usage, message: message.into(), hint: None }
    }

    /// What it names is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { fault: Fault::NotFound, message: message.into(), hint: None }
    }

    /// It can be, but not now or not so.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { fault: Fault::Failed, message: message.into(), hint: None }
    }

    /// The same with what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code of a command that was refused so.
    pub const fn exit_code(&self) -> u8 {
        match self.fault {
            Fault::Usage => 2,
            Fault::NotFound => 3,
            Fault::Failed | Fault::Host => 1,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self { fault: Fault::Host, message: error.to_string(), hint: None }
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Self { fault: Fault::Host, message: error.to_string(), hint: None }
    }
}

impl From<HostError> for Refusal {
    fn from(error: HostError) -> Self {
        let fault = match error {
            HostError::Config(_) => Fault::Usage,
            _ => Fault::Host,
        };
        Self { fault, message: error.to_string(), hint: None }
    }
}
