//! What lay in a guest's memory when it was ended, in the format that debuggers of
//! WebAssembly read: memories, globals, instances and the stack's frames.
//!
//! The engine notes where the guest was when it ended; the memory itself is copied here,
//! while the store still has it, on the guest's thread: some 100 ms for 256 MiB, in which
//! its neighbours wait. What it cannot have: locals and operands, which optimised code
//! keeps no track of; and anything of a guest that was ended while it waited in the host.

use super::halt::Halt;
use super::state::State;
use crate::rules::coredump::Coredump;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wasmtime::{Store, WasmCoreDump};

/// The dump of a guest that ended with this error, if it is to leave one.
pub(super) fn of(error: &wasmtime::Error, store: &mut Store<State>, wanted: Coredump) -> Option<Vec<u8>> {
    let Coredump::UpTo(most) = wanted else { return None };
    // Who was stopped or left by itself was not ended by a fault.
    if let Some(Halt::Stop(_) | Halt::Exit(_)) = error.downcast_ref() {
        return None;
    }
    let dump = error.downcast_ref::<WasmCoreDump>()?;
    let has = store.data().memory.now();
    if has > most {
        let note = format!("no core dump: {has} bytes of memory are more than coredump.bytes = {most} allows");
        store.data().shared.note(&note);
        return None;
    }
    let name = store.data().job.kind.clone();
    // The engine panics over components that were composed of others, whose adapters import globals that it does not
    // list. It only reads, so nothing is left in the middle; that attempt has no dump.
    let copied = catch_unwind(AssertUnwindSafe(|| dump.serialize(&mut *store, &name)));
    if copied.is_err() {
        store.data().shared.note("no core dump: the engine cannot make one of this component");
    }
    copied.ok()
}
