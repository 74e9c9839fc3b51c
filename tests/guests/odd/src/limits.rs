//! Things that use something up or end the instance.

use std::hint::black_box;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use capstan_sdk::{Failure, OrFail, log};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// What to use up, or how to end, by the field `do`.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Limit {
    /// Compute for ever.
    Spin,
    /// Compute a fixed amount: `rounds` of a cheap mixing step.
    Work {
        /// How many steps; 10 million are about 10 ms.
        rounds: u64,
    },
    /// Take and fill memory, and answer how much.
    Alloc {
        /// How many bytes.
        bytes: usize,
    },
    /// Take memory until something gives.
    GrowForever,
    /// Panic.
    Panic {
        /// The message.
        message: String,
    },
    /// Execute `unreachable`.
    Trap,
    /// Call itself for ever.
    StackOverflow,
    /// Wait in the host.
    Sleep {
        /// How many milliseconds.
        ms: u64,
    },
    /// End the program.
    Exit {
        /// With which code.
        code: i32,
    },
    /// Log `entries` entries of `bytes` letters.
    FloodLog {
        /// How many entries.
        entries: u64,
        /// How long each is.
        #[serde(default)]
        bytes: usize,
    },
    /// Log for ever: time goes by in the host as well as in the guest.
    LogForever,
    /// Write a text to stdout.
    Stdout {
        /// The text.
        text: String,
    },
    /// Write a text to stderr.
    Stderr {
        /// The text.
        text: String,
    },
    /// Write `bytes` letters to stdout, in lines of 64.
    FloodStdout {
        /// How many.
        bytes: usize,
    },
    /// Ask for the time `times` times: calls into the host that hardly cost it anything.
    AskTime {
        /// How often.
        times: u64,
    },
    /// Ask for random bytes `times` times, 64 KiB each: calls that cost the host much more than the guest.
    AskRandom {
        /// How often.
        times: u64,
    },
    /// Answer the environment and the arguments.
    Surroundings,
    /// Open a TCP connection.
    Connect {
        /// Address and port.
        to: String,
    },
}

pub(crate) fn reach(limit: &Limit) -> Result<Value, Failure> {
    match limit {
        Limit::Spin => spin(),
        Limit::Work { rounds } => {
            return Ok((0..*rounds).fold(1_u64, |sum, round| black_box(sum.rotate_left(5) ^ round)).into());
        }
        Limit::Alloc { bytes } => return Ok(black_box(vec![1_u8; *bytes]).len().into()),
        Limit::GrowForever => grow(),
        Limit::Panic { message } => panic!("{message}"),
        Limit::Trap => trap(),
        Limit::StackOverflow => return Ok(dive(1).into()),
        Limit::Sleep { ms } => std::thread::sleep(Duration::from_millis(*ms)),
        Limit::Exit { code } => std::process::exit(*code),
        Limit::FloodLog { entries, bytes } => flood(*entries, *bytes),
        Limit::LogForever => flood(u64::MAX, 0),
        Limit::Stdout { text } => print!("{text}"),
        Limit::Stderr { text } => eprint!("{text}"),
        Limit::FloodStdout { bytes } => print_lines(*bytes)?,
        Limit::AskTime { times } => {
            for _ in 0..*times {
                black_box(std::time::Instant::now());
            }
        }
        Limit::AskRandom { times } => {
            for _ in 0..*times {
                black_box(random(64 << 10));
            }
        }
        Limit::Surroundings => return Ok(surroundings()),
        Limit::Connect { to } => {
            drop(TcpStream::connect(to).permanent(format_args!("connect to {to}"))?);
        }
    }
    Ok(Value::Null)
}

#[inline(never)]
fn spin() -> ! {
    let mut round = 0_u64;
    loop {
        round = black_box(round.wrapping_add(1));
    }
}

fn grow() -> ! {
    loop {
        black_box(vec![1_u8; 1 << 20].leak());
    }
}

pub(crate) fn trap() -> ! {
    #[cfg(target_family = "wasm")]
    std::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::process::abort();
}

#[allow(unconditional_recursion)] // what it is for
#[inline(never)]
fn dive(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    dive(depth + 1) + frame[0]
}

fn flood(entries: u64, bytes: usize) {
    let text = "x".repeat(bytes);
    for entry in 0..entries {
        log::info!("{text}"; "entry" => entry);
    }
}

#[cfg(target_family = "wasm")]
fn random(bytes: u64) -> Vec<u8> {
    wasip2::random::random::get_random_bytes(bytes)
}

#[cfg(not(target_family = "wasm"))]
fn random(_: u64) -> Vec<u8> {
    Vec::new()
}

fn print_lines(bytes: usize) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for _ in 0..bytes / 64 {
        out.write_all(&[b'x'; 63])?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn surroundings() -> Value {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    json!({
        "env": std::env::vars_os().map(|(name, value)| [text(name), text(value)]).collect::<Vec<_>>(),
        "args": std::env::args_os().map(text).collect::<Vec<_>>(),
    })
}
