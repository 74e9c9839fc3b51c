//! A guest that says about itself whatever a test wants, and ends with raw texts.
//!
//! `describe` answers a text that lies in the binary behind a marker; the crate `capstan-test-guests`
//! overwrites it, so one build gives any number of different components. A text that starts with `@`
//! is an order: `@trap`, `@spin`, `@repeat <n>` for `n` letters, or `@fickle <text>` with a random number for each `#`.
//! `run` reads `{"end": …, "text": …}` and puts the text into the interface unchecked; the end `described` is done
//! with what `describe` says.

#[cfg(target_family = "wasm")]
mod component;

/// How many bytes there are for the marker and the text.
pub const ROOM: usize = 16 * 1024;

/// What the room begins with until a test writes over it.
pub const MARKER: &[u8; 26] = b"capstan-liar-description: ";

/// The marker, then spaces; spaces are harmless behind a JSON document.
pub static SAYS: [u8; ROOM] = room();

const fn room() -> [u8; ROOM] {
    let mut room = [b' '; ROOM];
    let mut at = 0;
    while at < MARKER.len() {
        room[at] = MARKER[at];
        at += 1;
    }
    room
}
