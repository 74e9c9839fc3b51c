//! Everything that a guest can import, in one linker.
//!
//! WASI 0.2 as the engine has it, with the command-line interfaces and the file
//! functions that the quota must see replaced, and the contract. Sockets are
//! linked because some toolchains always import them; they refuse.

use super::state::State;
use super::{contract, stdio};
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, Dir};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsResult};
use wasmtime_wasi::{FsPerms, OpenMode};

use crate::capability::fs::Access;

/// Interfaces that the linker has, for messages about those it has not.
pub(super) const OFFERED: [&str; 16] = [
    CANCELLED,
    "capstan:handler/checkpoint",
    "capstan:handler/enqueue",
    "capstan:handler/jobs",
    "capstan:handler/log",
    "capstan:handler/outcomes",
    "capstan:handler/progress",
    "capstan:handler/retrieve",
    "capstan:handler/spend",
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:http/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// Who imports it can hear that it is to stop.
pub(super) const CANCELLED: &str = "capstan:handler/cancelled";

/// Where the file functions are, by the engine's version of WASI.
const FILES: &str = "wasi:filesystem/types@0.2.12";

/// The linker of an engine.
pub(super) fn linker(engine: &wasmtime::Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    contract::link(&mut linker)?;
    linker.allow_shadowing(true);
    stdio::link(&mut linker)?;
    preopens::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
    files(&mut linker)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

impl preopens::Host for State {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        let mut folders = Vec::with_capacity(self.mounts.len());
        for mount in &self.mounts {
            let (perms, mode) = match mount.access() {
                Access::Read => (FsPerms::ReadOnly, OpenMode::READ),
                Access::Write => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
            };
            let file = mount.dir().try_clone()?.into_std_file();
            let dir = Descriptor::Dir(Dir::new(file, perms, mode, true));
            folders.push((self.table.push(dir)?, mount.path().to_owned()));
        }
        Ok(folders)
    }
}

type Fd = Resource<Descriptor>;
type Answer<T> = (std::result::Result<T, ErrorCode>,);

/// What the guest gets for an error, unless the error is a trap.
fn answer<T>(result: FsResult<T>) -> Result<Answer<T>> {
    match result {
        Ok(value) => Ok((Ok(value),)),
        Err(error) => Ok((Err(error.downcast()?),)),
    }
}

type Cx<'a> = StoreContextMut<'a, State>;

fn files(linker: &mut Linker<State>) -> Result<()> {
    let mut files = linker.instance(FILES)?;
    files.func_wrap("[method]descriptor.write", |mut cx: Cx<'_>, (fd, bytes, offset): (Fd, Vec<u8>, u64)| {
        answer(cx.data_mut().fs_write(&fd, &bytes, offset))
    })?;
    files.func_wrap("[method]descriptor.set-size", |mut cx: Cx<'_>, (fd, size): (Fd, u64)| {
        answer(cx.data_mut().fs_set_size(&fd, size))
    })?;
    files.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut cx: Cx<'_>, (fd, offset): (Fd, u64)| -> Result<Answer<Resource<DynInputStream>>> {
            answer(cx.data_mut().fs_reader(&fd, offset))
        },
    )?;
    files.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut cx: Cx<'_>, (fd, offset): (Fd, u64)| -> Result<Answer<Resource<DynOutputStream>>> {
            answer(cx.data_mut().fs_writer(&fd, Some(offset)))
        },
    )?;
    files.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut cx: Cx<'_>, (fd,): (Fd,)| -> Result<Answer<Resource<DynOutputStream>>> {
            answer(cx.data_mut().fs_writer(&fd, None))
        },
    )?;
    files.func_wrap("[method]descriptor.symlink-at", |_: Cx<'_>, (_, _, _): (Fd, String, String)| {
        answer::<()>(Err(ErrorCode::NotPermitted.into()))
    })?;
    files.func_wrap(
        "[method]descriptor.link-at",
        |_: Cx<'_>, (_, _, _, _, _): (Fd, PathFlags, String, Fd, String)| {
            answer::<()>(Err(ErrorCode::NotPermitted.into()))
        },
    )?;
    folders(&mut files)
}

fn folders(files: &mut wasmtime::component::LinkerInstance<'_, State>) -> Result<()> {
    type Open = (Fd, PathFlags, String, OpenFlags, DescriptorFlags);
    files.func_wrap_async("[method]descriptor.open-at", |mut cx: Cx<'_>, (fd, follow, path, open, flags): Open| {
        Box::new(async move { answer(cx.data_mut().fs_open(fd, (follow, path), open, flags).await) })
    })?;
    files.func_wrap_async("[method]descriptor.create-directory-at", |mut cx: Cx<'_>, (fd, path): (Fd, String)| {
        Box::new(async move { answer(cx.data_mut().fs_create_dir(fd, path).await) })
    })?;
    files.func_wrap_async("[method]descriptor.unlink-file-at", |mut cx: Cx<'_>, (fd, path): (Fd, String)| {
        Box::new(async move { answer(cx.data_mut().fs_remove_file(fd, path).await) })
    })?;
    files.func_wrap_async("[method]descriptor.remove-directory-at", |mut cx: Cx<'_>, (fd, path): (Fd, String)| {
        Box::new(async move { answer(cx.data_mut().fs_remove_dir(fd, path).await) })
    })
}
