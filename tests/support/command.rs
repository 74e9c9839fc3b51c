//! Running the binary and looking at what it said.

use serde_json::Value;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The binary under test.
pub(crate) const CAPSTAN: &str = env!("CARGO_BIN_EXE_capstan");

/// A command of the binary that is on its own: no settings of whoever runs the tests.
pub(crate) fn capstan() -> Command {
    let mut command = Command::new(CAPSTAN);
    command.env_remove(capstan::crash::VARIABLE).env_remove("CAPSTAN_LOG").env("TZ", "UTC").env("NO_COLOR", "1");
    command.stdin(Stdio::null());
    command
}

/// What a command did.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    /// Its exit code, if it exited.
    pub(crate) code: Option<i32>,
    /// The signal that ended it, if one did.
    pub(crate) signal: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn from(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            signal: output.status.signal(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// It exited with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// It exited with 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.exits(0)
    }

    /// It was killed by SIGKILL.
    #[track_caller]
    pub(crate) fn killed(self) -> Self {
        assert_eq!(self.signal, Some(9), "{self:#?}");
        self
    }

    /// All of these texts are on standard output.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.out.contains(text), "{text:?} is not said: {self:#?}");
        }
        self
    }

    /// All of these texts are on standard error.
    #[track_caller]
    pub(crate) fn complains(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "{text:?} is not complained of: {self:#?}");
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Run a command to its end.
#[track_caller]
pub(crate) fn run(mut command: Command) -> Ran {
    Ran::from(&command.output().unwrap())
}

/// Run a command to its end, with this on its standard input.
#[track_caller]
pub(crate) fn run_with(mut command: Command, input: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::from(&child.wait_with_output().unwrap())
}

/// A command of the binary about the project in this folder.
pub(crate) fn about(project: &Path, args: &[&str]) -> Command {
    let mut command = capstan();
    command.arg("-C").arg(project).args(args);
    command
}
