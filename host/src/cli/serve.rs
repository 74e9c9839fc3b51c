//! `capstan serve`

use super::{Common, Done, Failure};
use crate::host::{Host, HostError};
use crate::http;
use clap::Args;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Work on jobs until stopped (SIGINT or SIGTERM; a second one stops at once)
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  capstan -C ~/library serve")]
pub(super) struct Serve {}

impl Serve {
    pub(super) async fn run(self, common: &Common) -> Done {
        let host = Arc::new(Host::open_over(common.project()?, common.overrides()?).await?);
        let work = Work::begin(&host).await?;
        // Before anybody is told that it serves: who is told may stop it at once.
        let asked = asked_to_stop();
        eprintln!("serving {} (process {})", host.project().root().display(), std::process::id());
        let ended = tokio::select! {
            error = host.failed() => Err(error),
            signal = asked => signal,
        };
        work.end(&host, ended).await
    }
}

/// A host at work: its loops run and its socket answers.
pub(super) struct Work {
    stop: oneshot::Sender<()>,
    socket: JoinHandle<std::io::Result<()>>,
}

impl Work {
    pub(super) async fn begin(host: &Arc<Host>) -> Result<Self, Failure> {
        host.start().await?;
        let listener = http::listen(&host.project().socket())?;
        let (stop, stopped) = oneshot::channel::<()>();
        let until = async {
            // An error means that the other end is gone: the same wish.
            let _ = stopped.await;
        };
        let socket = tokio::spawn(http::serve(listener, Arc::clone(host), until));
        Ok(Self { stop, socket })
    }

    /// Stop: the socket first, so that nobody asks a host that is going.
    pub(super) async fn end(self, host: &Host, ended: Result<(), HostError>) -> Done {
        let path = host.project().socket();
        let _ = self.stop.send(());
        self.socket.abort();
        let _ = self.socket.await;
        // The next host replaces a socket that could not be removed.
        let _ = std::fs::remove_file(path);
        ended?;
        tokio::spawn(async {
            if asked_to_stop().await.is_ok() {
                eprintln!("stopped at once: what ran is recovered at the next start");
                std::process::exit(1);
            }
        });
        Ok(host.stop().await?)
    }
}

/// Wait for SIGINT or SIGTERM; one that comes after this was called is not missed.
pub(super) fn asked_to_stop() -> impl Future<Output = Result<(), HostError>> {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else {
            // Without handlers a signal ends the process, which is what it asks for.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => {},
            _ = terminate.recv() => {},
        }
        Ok(())
    }
}
