//! The command line: noun, then verb.
//!
//! Data goes to stdout and talk to stderr; `--json` makes the data JSON. Exit
//! codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 unhealthy. A command speaks to
//! the host that holds the project's lock, or becomes the host for its own
//! duration.

mod add;
mod artifact;
mod bulk;
mod complete;
mod config;
mod csv;
mod demo;
mod doctor;
mod edit;
mod failure;
mod follow;
mod handler;
mod import;
mod init;
mod job;
mod key;
mod many;
mod queue;
mod reach;
mod run;
mod search;
mod select;
mod serve;
mod stats;
mod subject;
mod table;
mod wait;
mod when;

use crate::config::layer::Overrides;
use crate::host::HostError;
use crate::host::refusal::Refusal;
use crate::project::{Project, ProjectError};
use clap::{Args, Parser, Subcommand};
use reach::Reach;
use std::path::PathBuf;
use std::process::ExitCode;

/// A host for background jobs whose handlers nobody has to trust.
#[derive(Debug, Parser)]
#[command(name = "capstan", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  capstan demo                          see it work, in a temporary project
  capstan init library && cd library    make a project
  capstan import start ~/pages          queue every page of a folder
  capstan run                           work until nothing is left to do
  capstan failure list                  what failed, and why

Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 unhealthy.";

/// What every command takes.
#[derive(Debug, Clone, Args)]
struct Common {
    /// The project folder; without it the current folder or the nearest above
    #[arg(long, short = 'C', global = true, value_name = "DIR")]
    project: Option<PathBuf>,
    /// Print data as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Set a key over capstan.toml and the environment, for the host that this command becomes
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a project folder
    Init(init::Init),
    /// Work on jobs until nothing is left to do
    Run(run::Run),
    /// Work on jobs until stopped
    Serve(serve::Serve),
    /// Show it all on real pages, in a temporary project
    Demo(demo::Demo),
    /// Bring in many documents at once
    #[command(subcommand)]
    Import(import::Import),
    /// Single jobs
    #[command(subcommand)]
    Job(job::Job),
    /// Operations on many jobs at once
    #[command(subcommand)]
    Bulk(bulk::Bulk),
    /// What failed for good, until somebody resolves it
    #[command(subcommand)]
    Failure(failure::Failure),
    /// The lanes that jobs wait in
    #[command(subcommand)]
    Queue(queue::Queue),
    /// What jobs share a limit by, for example the host that they fetch from
    #[command(subcommand)]
    Key(key::Key),
    /// What handlers made
    #[command(subcommand)]
    Artifact(artifact::Artifact),
    /// Find documents by what they say
    Search(search::Search),
    /// What the work is about: documents
    #[command(subcommand)]
    Subject(subject::Subject),
    /// The components that do the work
    #[command(subcommand)]
    Handler(handler::Handler),
    /// How many there are of what
    Stats(stats::Stats),
    /// The configuration
    #[command(subcommand)]
    Config(config::Config),
    /// Check that everything is where it must be
    Doctor(doctor::Doctor),
    /// Print a completion script for a shell
    Completions(complete::Completions),
    /// Print the man page, or write one for each command into a folder
    Man(complete::Man),
}

/// Why a command ends with another exit code than 0.
#[derive(Debug)]
enum Failure {
    /// A verb was refused.
    Refused(Refusal),
    /// There is no host, or it ended.
    Host(HostError),
    /// It was done, and what it shows is a failure: this exit code, nothing more to say.
    Shown(u8),
    /// Anything else.
    Other(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast::<Refusal>() {
            Ok(refusal) => Self::Refused(refusal),
            Err(error) => match error.downcast::<HostError>() {
                Ok(error) => Self::Host(error),
                Err(error) => Self::Other(error),
            },
        }
    }
}

type Done = Result<(), Failure>;

/// Run the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; clap knows the streams and codes (0 and 2).
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&Failure::Other(error.into())),
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => complain(&failure),
    }
}

/// The host's own log goes to stderr; `CAPSTAN_LOG` filters it.
fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CAPSTAN_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .with_target(false)
        .init();
}

async fn dispatch(cli: Cli) -> Done {
    let common = &cli.common;
    match cli.command {
        Command::Init(init) => init.run(common).await,
        Command::Run(run) => run.run(common).await,
        Command::Serve(serve) => serve.run(common).await,
        Command::Demo(demo) => demo.run(common).await,
        Command::Import(import) => import.run(common).await,
        Command::Job(job) => job.run(common).await,
        Command::Bulk(bulk) => bulk.run(common).await,
        Command::Failure(failure) => failure.run(common).await,
        Command::Queue(queue) => queue.run(common).await,
        Command::Key(key) => key.run(common).await,
        Command::Artifact(artifact) => artifact.run(common).await,
        Command::Search(search) => search.run(common).await,
        Command::Subject(subject) => subject.run(common).await,
        Command::Handler(handler) => handler.run(common).await,
        Command::Stats(stats) => stats.run(common).await,
        Command::Config(config) => config.run(common).await,
        Command::Doctor(doctor) => doctor.run(common).await,
        Command::Completions(completions) => completions.run(),
        Command::Man(man) => man.run(),
    }
}

impl Common {
    fn project(&self) -> Result<Project, Failure> {
        let start = self.project.clone().unwrap_or_else(|| PathBuf::from("."));
        Ok(Project::find(&start).map_err(HostError::from)?)
    }

    /// The host of the project: another process, or this one.
    async fn reach(&self) -> Result<Reach, Failure> {
        Reach::find(self.project()?, self.overrides()?).await
    }

    /// What lies over `capstan.toml`: variables that begin with `CAPSTAN__`, and `--set`.
    fn overrides(&self) -> Result<Overrides, Failure> {
        let text = |text: std::ffi::OsString| text.into_string().ok();
        let variables = std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
        Overrides::new(variables, &self.set).map_err(|error| Refusal::usage(error.to_string()).into())
    }

    /// Print data: as JSON, or as `human` puts it.
    fn print<T: serde::Serialize>(&self, data: &T, human: impl FnOnce(&T) -> String) -> Done {
        let text = if self.json { serde_json::to_string_pretty(data)? } else { human(data) };
        say(&text)
    }
}

/// Write to stdout; a reader that has gone is no error.
fn say(text: &str) -> Done {
    use std::io::Write;
    match writeln!(std::io::stdout().lock(), "{}", text.trim_end()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn complain(failure: &Failure) -> ExitCode {
    match failure {
        Failure::Refused(refusal) => {
            eprintln!("error: {refusal}");
            if let Some(hint) = &refusal.hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(refusal.exit_code())
        }
        Failure::Host(error) => {
            eprintln!("error: {error}");
            ExitCode::from(match error {
                HostError::Config(_) | HostError::Project(ProjectError::Exists(_)) => 2,
                HostError::Project(ProjectError::None(_)) => 3,
                _ => 1,
            })
        }
        Failure::Shown(code) => ExitCode::from(*code),
        Failure::Other(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(1)
        }
    }
}
