//! The attempt's log.
//!
//! ```
//! # let (url, status) = ("https://example.org/", 503);
//! capstan_sdk::log::warn!("{url} is busy"; "status" => status, "try" => 2);
//! ```
//!
//! The host keeps the last 64 KiB by default and says how much it dropped. In a native test the entries
//! go to the running [`Bench`](crate::testing::Bench), or to stderr when none runs on this thread.

use std::fmt::Display;

/// How much an entry matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the handler's author.
    Debug,
    /// For the operator who looks.
    Info,
    /// Something is off, but the attempt goes on.
    Warn,
    /// Something failed.
    Error,
}

/// Write one entry; the macros of this module are shorter. Never fails.
pub fn write(level: Level, message: &str, fields: &[(&str, &dyn Display)]) {
    let fields: Vec<_> = fields.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect();
    #[cfg(target_family = "wasm")]
    crate::host::log(level, message, &fields);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::log(level, message, fields);
}

/// Log at a level: a format string with its arguments, then after `;` fields as `"name" => value`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $message:literal $(, $argument:expr)* $(; $($name:expr => $value:expr),* $(,)?)?) => {
        $crate::log::write(
            $crate::log::Level::$level,
            &::std::format!($message $(, $argument)*),
            &[$($(($name, &$value as &dyn ::std::fmt::Display)),*)?],
        )
    };
}

/// Log for the handler's author: `debug!("message {x}"; "field" => value)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($entry:tt)+) => { $crate::__log!(Debug, $($entry)+) };
}

/// Log for the operator who looks: `info!("message {x}"; "field" => value)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($entry:tt)+) => { $crate::__log!(Info, $($entry)+) };
}

/// Log that something is off: `warn!("message {x}"; "field" => value)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($entry:tt)+) => { $crate::__log!(Warn, $($entry)+) };
}

/// Log that something failed: `error!("message {x}"; "field" => value)`.
#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($entry:tt)+) => { $crate::__log!(Error, $($entry)+) };
}

#[doc(inline)]
pub use {__debug as debug, __error as error, __info as info, __warn as warn};
