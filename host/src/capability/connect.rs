//! Opening a connection for a request that is allowed.
//!
//! Name, addresses, connection, TLS: in this order, each once. The addresses are
//! looked up here, every one of them is checked, and the connection goes to one of
//! those that were checked, so a name that changes its mind between check and use
//! leads nowhere else. All of it together is bounded by one time-out.

use super::net::{Net, NetError};
use crate::rules::pattern::{Scheme, Target};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A connection, whatever carries it.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A name to its addresses.
pub type Given = dyn Fn(&str) -> Vec<IpAddr> + Send + Sync;

/// How names become addresses.
#[derive(Clone)]
pub enum Lookup {
    /// As the system does it.
    System,
    /// As this function says: for tests, which need names that change their mind.
    Given(Arc<Given>),
}

/// Opens connections.
#[derive(Clone)]
pub struct Connector {
    tls: TlsConnector,
    lookup: Lookup,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// It is not allowed.
    #[error(transparent)]
    Refused(#[from] NetError),
    /// The name cannot be looked up, or has no address.
    #[error("{host} cannot be found: {reason}")]
    Lookup {
        /// The host.
        host: String,
        /// Why.
        reason: String,
    },
    /// Nobody answers there.
    #[error("{origin} cannot be reached: {source}")]
    Connect {
        /// Scheme, host and port.
        origin: String,
        /// Why.
        source: io::Error,
    },
    /// The other side does not speak TLS, or its certificate is not trusted.
    #[error("{origin} is not trusted: {source}")]
    Tls {
        /// Scheme, host and port.
        origin: String,
        /// Why.
        source: io::Error,
    },
    /// It took too long.
    #[error("{origin} did not answer within {} ms", .after.as_millis())]
    Timeout {
        /// Scheme, host and port.
        origin: String,
        /// How long was waited.
        after: Duration,
    },
}

/// Why connections cannot be opened at all.
#[derive(Debug, thiserror::Error)]
#[error("net.ca {}: {reason}", .path.display())]
pub struct AuthorityError {
    path: PathBuf,
    reason: String,
}

impl Connector {
    /// One that trusts the authorities of Mozilla's list, and those in the PEM file
    /// `ca` if there is one.
    ///
    /// # Errors
    /// The file cannot be read or holds no certificate.
    pub fn new(ca: Option<&Path>, lookup: Lookup) -> Result<Self, AuthorityError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.into() };
        if let Some(path) = ca {
            let wrong = |reason: String| AuthorityError { path: path.to_owned(), reason };
            let found = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
            let before = roots.len();
            for certificate in found {
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
            if roots.len() == before {
                return Err(wrong("it holds no certificate".to_owned()));
            }
        }
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), lookup })
    }

    /// Open a connection for this request, within this time.
    ///
    /// # Errors
    /// It is not allowed, or not possible.
    pub async fn open(&self, net: &Net, target: &Target, within: Duration) -> Result<Box<dyn Wire>, ConnectError> {
        net.check(target)?;
        let late = |_| ConnectError::Timeout { origin: target.origin(), after: within };
        tokio::time::timeout(within, self.go(net, target)).await.map_err(late)?
    }

    async fn go(&self, net: &Net, target: &Target) -> Result<Box<dyn Wire>, ConnectError> {
        let addresses = self.addresses(target).await?;
        addresses.iter().try_for_each(|address| net.address(target, address.ip()))?;
        let unreached = |source| ConnectError::Connect { origin: target.origin(), source };
        // Of the checked addresses, in the order that the system prefers.
        let stream = TcpStream::connect(&*addresses).await.map_err(unreached)?;
        stream.set_nodelay(true).map_err(unreached)?;
        match target.scheme {
            Scheme::Http => Ok(Box::new(stream)),
            Scheme::Https => {
                let untrusted = |source| ConnectError::Tls { origin: target.origin(), source };
                let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other).map_err(untrusted)?;
                Ok(Box::new(self.tls.connect(name, stream).await.map_err(untrusted)?))
            }
        }
    }

    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, ConnectError> {
        let missing = |reason: String| ConnectError::Lookup { host: target.host.clone(), reason };
        let found: Vec<SocketAddr> = match (target.host.parse::<IpAddr>(), &self.lookup) {
            (Ok(address), _) => vec![(address, target.port).into()],
            (Err(_), Lookup::Given(given)) => {
                given(&target.host).into_iter().map(|address| (address, target.port).into()).collect()
            }
            (Err(_), Lookup::System) => {
                let found = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
                found.map_err(|error| missing(error.to_string()))?.collect()
            }
        };
        if found.is_empty() { Err(missing("the name has no address".to_owned())) } else { Ok(found) }
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}
