//! The only code that knows the engine: one attempt, one fresh sandbox.
//!
//! [`Engine`] compiles and loads components; [`GuestThreads`] run attempts on
//! threads of their own and answer with a [`Report`]: outcome, measured usage, log.
//! Each attempt gets a new store from a pool (with an on-demand engine for what
//! does not fit), sees only its mounts, and ends when it passes a limit, wherever
//! it is: a ticker interrupts computation every 10 ms, a timer ends waiting.
//!
//! What this cannot promise: limits on CPU and wall time are noticed at the next
//! tick, so they may be passed by some 10 ms, by 50 ms more when other guests share
//! the thread, and by the length of one host call (a slow disk); memory of the
//! host that serves a guest (buffers, handles) is bounded but not charged; calls into the
//! host are counted where the engine lets us see them, so dropping a handle is none.

mod attempt;
mod begin;
mod board;
mod calls;
mod command;
mod contract;
mod coredump;
mod desk;
mod engine;
mod fault;
mod files;
mod halt;
mod inbox;
mod link;
mod log;
mod memory;
mod meter;
mod outbound;
mod outbox;
mod quota;
mod remains;
mod session;
mod settings;
mod shape;
mod spent;
mod state;
mod stdio;
mod stop;
mod surface;
mod threads;
mod ticker;
mod traffic;
mod world;

pub use attempt::{Attempt, Report};
pub use board::Board;
pub use desk::Desk;
pub use engine::{CompileError, Engine, EngineError, LoadError, Prepared};
pub use log::{Heard, Log};
pub use outbound::Outbound;
pub use settings::EngineOptions;
pub use state::JobView;
pub use stop::{Reason, StopSignal, Stopper, pair};
pub use surface::{Missing, Surface};
pub use threads::{GuestThreads, ThreadsError};
pub use world::World;
