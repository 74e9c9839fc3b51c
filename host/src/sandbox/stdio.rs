//! The command-line side of WASI: stdout and stderr go to the log, there is no
//! environment and no terminal, and `exit` ends the attempt. A program finds its job on
//! stdin and the kind as its only argument, and its last line of stdout is held back as
//! its answer; a handler of the contract finds nothing. Replaces the engine's own, which
//! would be made per attempt whether used or not.

use super::halt::Halt;
use super::log::Source;
use super::state::{Shared, State};
use bytes::Bytes;
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::cli::terminal_input::TerminalInput;
use wasmtime_wasi::p2::bindings::cli::terminal_output::TerminalOutput;
use wasmtime_wasi::p2::bindings::cli::{
    environment, exit, stderr, stdin, stdout, terminal_stderr, terminal_stdin, terminal_stdout,
};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, OutputStream, Pollable, StreamResult};

/// The most that one write takes, in bytes.
const CHUNK: usize = 64 << 10;

/// Replace the engine's command-line interfaces; shadowing must be allowed.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    environment::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    exit::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    stdin::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    stdout::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    stderr::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    terminal_stdin::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    terminal_stdout::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    terminal_stderr::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

impl environment::Host for State {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.arguments())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(None)
    }
}

impl exit::Host for State {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(Halt::Exit(u8::from(status.is_err())).into())
    }

    fn exit_with_code(&mut self, status: u8) -> wasmtime::Result<()> {
        Err(Halt::Exit(status).into())
    }
}

impl stdin::Host for State {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let stream: DynInputStream = Box::new(MemoryInputPipe::new(self.input()));
        Ok(self.table.push(stream)?)
    }
}

impl State {
    fn stream(&mut self, source: Source) -> wasmtime::Result<Resource<DynOutputStream>> {
        let stream: DynOutputStream = Box::new(Stream { source, shared: Arc::clone(&self.shared) });
        Ok(self.table.push(stream)?)
    }
}

impl stdout::Host for State {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.stream(Source::Out)
    }
}

impl stderr::Host for State {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.stream(Source::Err)
    }
}

impl terminal_stdin::Host for State {
    fn get_terminal_stdin(&mut self) -> wasmtime::Result<Option<Resource<TerminalInput>>> {
        Ok(None)
    }
}

impl terminal_stdout::Host for State {
    fn get_terminal_stdout(&mut self) -> wasmtime::Result<Option<Resource<TerminalOutput>>> {
        Ok(None)
    }
}

impl terminal_stderr::Host for State {
    fn get_terminal_stderr(&mut self) -> wasmtime::Result<Option<Resource<TerminalOutput>>> {
        Ok(None)
    }
}

struct Stream {
    source: Source,
    shared: Arc<Shared>,
}

#[async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        match (self.source, self.shared.answer()) {
            (Source::Out, Some(mut line)) => {
                line.push(&bytes, |text| self.shared.record(|log| log.stream(Source::Out, text)));
            }
            _ => self.shared.record(|log| log.stream(self.source, &bytes)),
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK)
    }
}
