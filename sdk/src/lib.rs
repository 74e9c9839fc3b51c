//! Write job handlers for Capstan in Rust.
//!
//! A handler is a struct with one method, [`Handler::run`], and three types: what a job may carry
//! (`Payload`), what the operator may set (`Config`) and what an attempt answers (`Result`). [`export!`]
//! turns it into a WebAssembly component; no line of interface glue is written by hand.
//!
//! ```
//! use capstan_sdk::{Artifact, Asks, Empty, Failure, Handler, Job, OrFail, Success};
//!
//! /// Counts the words of an imported file and keeps the count beside it.
//! #[derive(Default)]
//! struct Count;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! struct Payload {
//!     /// The file, relative to the imported folder.
//!     path: String,
//! }
//!
//! #[derive(serde::Serialize, schemars::JsonSchema)]
//! struct Words {
//!     words: usize,
//! }
//!
//! impl Handler for Count {
//!     const KIND: &'static str = "count";
//!     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
//!     const ABOUT: &'static str = "counts words";
//!     type Payload = Payload;
//!     type Config = Empty;
//!     type Result = Words;
//!
//!     fn asks() -> Asks {
//!         Asks::default().imports()
//!     }
//!
//!     fn artifacts() -> Vec<Artifact> {
//!         vec![Artifact::new("count.txt", "text/plain", "the number of words")]
//!     }
//!
//!     fn run(&mut self, job: &Job<Self>) -> Result<Success<Words>, Failure> {
//!         let text = job.imports()?.read_to_string(&job.payload().path)?;
//!         let words = text.split_whitespace().count();
//!         capstan_sdk::log::debug!("counted {words} words"; "bytes" => text.len());
//!         let first = text.lines().next().permanent("the file has no line")?;
//!         job.output().write("count.txt", format!("{words} words after {first:?}"))?;
//!         Ok(Success::Done(Words { words }))
//!     }
//! }
//!
//! capstan_sdk::export!(Count);
//!
//! // A test runs the same handler natively, against a fake host.
//! use capstan_sdk::testing::Bench;
//! use serde_json::json;
//!
//! let run = Bench::<Count>::new()
//!     .payload(json!({ "path": "a.txt" }))
//!     .import("a.txt", "one two\nthree")
//!     .run()?;
//! assert_eq!(run.done(), Some(&json!({ "words": 3 })));
//! assert_eq!(run.text("count.txt"), Some("3 words after \"one two\""));
//! assert_eq!(run.log()[0].message, "counted 3 words");
//!
//! let missing = Bench::<Count>::new().payload(json!({ "path": "b.txt" })).import("a.txt", "").run()?;
//! assert!(matches!(missing.failure(), Some(Failure::Permanent(_))));
//! # Ok::<(), capstan_sdk::testing::BenchError>(())
//! ```
//!
//! # How it works
//!
//! The host makes a fresh instance for every attempt, so nothing in memory lives on; what shall live
//! goes to [`Job::output`]. Payload and configuration are fetched and parsed before `run`; every other
//! getter of [`Job`] is one call to the host at the moment it is used. Compile with
//! `cargo build --release --target wasm32-wasip2` and crate type `cdylib`.
//!
//! The feature `talc` has the macro `talc!`, which gives the component the allocator of that name in place of the C library's.
//!
//! # What it cannot promise
//!
//! `testing` is not a sandbox: limits on time, memory and files are not enforced there, and nothing
//! checks the payload against its JSON Schema (the host does, when a job is added). A handler that
//! panics traps; the host keeps the message, but the class is `trap`, not one of [`Failure`].

mod checkpoint;
mod component;
pub mod describe;
pub mod endpoint;
mod enqueue;
mod failure;
mod files;
mod handler;
#[cfg(target_family = "wasm")]
mod host;
pub mod http;
mod job;
pub mod log;
mod retrieve;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::undocumented_unsafe_blocks)]
pub mod wit;

/// Compiles the example of the author guide with the doc tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/handlers.md")]
struct Guide;

pub use checkpoint::{Checkpoint, Saved};
#[doc(hidden)]
pub use component::Entry;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub use component::{describe_component, run_component};
pub use describe::{Artifact, Asks};
pub use enqueue::{About, Refusal};
pub use failure::{Failure, OrFail, Problem};
pub use files::{Input, Output};
pub use handler::{Empty, Handler, Success};
#[cfg(target_family = "wasm")]
use host::{Facts, desk};
pub use job::Job;
pub use retrieve::{Passage, Scope};
#[cfg(not(target_family = "wasm"))]
use testing::{Facts, desk};

#[cfg(all(feature = "talc", target_family = "wasm"))]
#[doc(hidden)]
pub use ::talc as allocator;

/// Give the component the allocator `talc` in place of the C library's; use it once per crate, beside [`export!`].
///
/// What makes many small strings and vectors gets faster by it: the bundled handlers that work on text take 14 to 20 % less
/// CPU. An attempt takes some 8 KiB more of the host's memory, which counts where thousands wait for servers at once.
/// Natively it does nothing.
#[cfg(feature = "talc")]
#[macro_export]
macro_rules! talc {
    () => {
        #[cfg(target_family = "wasm")]
        #[global_allocator]
        static ALLOCATOR: $crate::allocator::wasm::WasmDynamicTalc =
            $crate::allocator::wasm::new_wasm_dynamic_allocator();
    };
}

/// Make the crate a component that does the kinds of the named handlers.
///
/// `export!(A);` for one kind, `export!(A, B);` for several; use it once per crate. Name, version and
/// description of the component are those of the first handler; it asks for what any of them asks for.
/// On other targets than WebAssembly it only checks that the types are handlers.
#[macro_export]
macro_rules! export {
    ($($handler:ty),+ $(,)?) => {
        const _: () = {
            const ENTRIES: &[$crate::Entry] = &[$($crate::Entry::of::<$handler>()),+];

            #[cfg(target_family = "wasm")]
            struct Component;

            #[cfg(target_family = "wasm")]
            impl $crate::wit::Guest for Component {
                fn describe() -> String {
                    $crate::describe_component(ENTRIES)
                }

                fn run(job: &$crate::wit::Job) -> Result<$crate::wit::Success, $crate::wit::Failure> {
                    $crate::run_component(ENTRIES, job)
                }
            }

            #[cfg(target_family = "wasm")]
            $crate::wit::export_component!(Component with_types_in $crate::wit);

            #[cfg(not(target_family = "wasm"))]
            const _: &[$crate::Entry] = ENTRIES;
        };
    };
}
