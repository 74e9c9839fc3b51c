//! A host in another process.

use super::command::{Ran, about};
use super::wait::until;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A command that goes on; killed when it is dropped.
pub(crate) struct Serving {
    child: Child,
    out: Option<JoinHandle<String>>,
    lines: Receiver<String>,
    err: String,
}

impl Serving {
    /// Start a command that becomes the host, and wait until it is.
    pub(crate) fn start(project: &Path, args: &[&str]) -> Self {
        Self::host(project, about(project, args))
    }

    /// Start this, which becomes the host of the project, and wait until it is.
    pub(crate) fn host(project: &Path, command: Command) -> Self {
        let socket = project.join("state/capstan.sock");
        let mut started = Self::of(command);
        // A left-over of a host that was killed does not answer.
        until("the host answers", || {
            assert!(
                started.child.try_wait().unwrap().is_none(),
                "it ended: {:?}",
                started.lines.try_iter().collect::<Vec<_>>()
            );
            std::os::unix::net::UnixStream::connect(&socket).ok()
        });
        started
    }

    /// Start a command and wait for nothing.
    pub(crate) fn spawn(project: &Path, args: &[&str]) -> Self {
        Self::of(about(project, args))
    }

    /// Start this.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let out = std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            text
        });
        let (line, lines) = channel();
        std::thread::spawn(move || {
            for text in BufReader::new(err).lines().map_while(Result::ok) {
                // Whoever listened may have heard enough.
                let _ = line.send(text);
            }
        });
        Self { child, out: Some(out), lines, err: String::new() }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The CPU time that its threads have used; a thread that has ended is forgotten.
    pub(crate) fn cpu(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid())).into_iter().flatten().flatten();
        // A thread may end while it is looked at.
        let schedules = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("schedstat")).ok());
        let nanoseconds = schedules.filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Wait for a line on its standard error.
    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) {
        loop {
            let line = self.lines.recv_timeout(super::wait::LONGEST);
            let line = line.unwrap_or_else(|error| panic!("{text:?} was not said ({error}): {}", self.err));
            self.err.push_str(&line);
            self.err.push('\n');
            if line.contains(text) {
                return;
            }
        }
    }

    /// Send it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Wait until it has ended; what it did.
    pub(crate) fn ended(mut self) -> Ran {
        let status = until("it ends", || self.child.try_wait().unwrap());
        let mut err = std::mem::take(&mut self.err);
        err.extend(self.lines.iter().map(|line| line + "\n"));
        let out = self.out.take().unwrap().join().unwrap().into_bytes();
        Ran::from(&std::process::Output { status, stdout: out, stderr: err.into_bytes() })
    }

    /// Ask it to stop (SIGTERM), and wait until it has.
    pub(crate) fn stop(self) -> Ran {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// End it at once (SIGKILL).
    pub(crate) fn kill(self) -> Ran {
        self.signal(Signal::KILL);
        self.ended()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already, most of the time.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
