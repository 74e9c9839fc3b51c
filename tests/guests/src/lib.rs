//! Odd and hostile components for tests and benchmarks.
//!
//! Each function gives the bytes of one component; the folder of the same name beside this crate has its
//! source and says what its payload may be. They are compiled by this crate's build script.

use capstan_guest_liar::{MARKER, ROOM};

/// The kind `noop`: does nothing; asks for nothing, makes nothing.
#[must_use]
pub fn noop() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/capstan-guest-noop.wasm"))
}

/// The kind `noop-output`: has an output folder; writes `out.txt` when the payload says `"write": true`.
#[must_use]
pub fn noop_output() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/capstan-guest-noop-output.wasm"))
}

/// The kind `odd`: does what the payload's field `do` names.
#[must_use]
pub fn odd() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/capstan-guest-odd.wasm"))
}

/// The kind `outside`: sends the requests that its payload lists, and answers with what came back.
#[must_use]
pub fn outside() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/capstan-guest-outside.wasm"))
}

/// The kind `witness`: tells what it sees: its job, its configuration, model files.
#[must_use]
pub fn witness() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/capstan-guest-witness.wasm"))
}

/// The kind `clerk`: hands in what the steps of its payload say.
#[must_use]
pub fn clerk() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/capstan-guest-clerk.wasm"))
}

/// [`clerk`] under another name: of another family, so to speak.
#[must_use]
pub fn other_clerk() -> Vec<u8> {
    const FIRST: &[u8; 24] = b"clerk-of-the-first-watch";
    const OTHER: &[u8; 24] = b"clerk-of-the-other-watch";
    let mut wasm = clerk().to_vec();
    let places: Vec<usize> = (0..wasm.len() - FIRST.len()).filter(|at| wasm[*at..].starts_with(FIRST)).collect();
    for at in places {
        wasm[at..at + OTHER.len()].copy_from_slice(OTHER);
    }
    wasm
}

/// The kind `command`: a program of `wasi:cli/command`; does what its payload's field `do` names. It needs
/// a manifest.
#[must_use]
pub fn command() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/capstan-guest-command.wasm"))
}

/// The kind `first`: knows only the contract as it was first written down.
#[must_use]
pub fn first() -> &'static [u8] {
    include_bytes!(concat!(env!("OUT_DIR"), "/capstan-guest-first.wasm"))
}

/// A component whose `describe` answers `text` (or obeys `@trap`, `@spin`, `@repeat <n>`, `@fickle <text>`), and whose `run`
/// ends with raw texts from its payload. Spaces at the end of `text` are lost. `None` when the text is
/// longer than 16 KiB.
#[must_use]
pub fn liar(text: &str) -> Option<Vec<u8>> {
    let mut wasm = include_bytes!(concat!(env!("OUT_DIR"), "/capstan-guest-liar.wasm")).to_vec();
    let at = wasm.windows(MARKER.len()).position(|window| window == MARKER)?;
    let room = wasm.get_mut(at..at + ROOM)?;
    room.fill(b' ');
    room.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    Some(wasm)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn all_are_components() {
        let mut all = vec![noop(), noop_output(), odd(), clerk(), command(), first(), outside(), witness()];
        let liar = liar("").unwrap();
        all.push(&liar);
        for wasm in all {
            assert_eq!(wasm[..8], *b"\0asm\x0d\0\x01\0");
        }
    }

    #[test]
    fn the_other_clerk_is_another_component_of_the_same_size() {
        let other = other_clerk();
        assert!(other != clerk() && other.len() == clerk().len());
    }

    #[test]
    fn a_liar_says_what_it_is_told() {
        let told = liar("{\"name\":\"x\"}").unwrap();
        let said = told.windows(14).filter(|window| *window == b"{\"name\":\"x\"}  ").count();
        assert_eq!(said, 1);
        assert_eq!(told.len(), liar("").unwrap().len());
        assert_eq!(liar(&"x".repeat(ROOM + 1)), None);
    }
}
