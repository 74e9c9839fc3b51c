//! The file functions of WASI that the quota must see.
//!
//! The engine's own file functions serve everything that only reads or removes.
//! Those that write, make or open are replaced here: they count before they act,
//! refuse links, and refuse to open what is neither file nor folder (opening a
//! pipe would block the guest thread for ever). Streams work on the calling
//! thread, which is a guest thread and may block: a pool of helper threads costs
//! more than the call. A write that the disk refuses reaches the guest as an
//! error and ends the attempt as the host's fault, whatever the guest makes of it.

use super::quota::{Exceeded, Quota};
use super::state::State;
use bytes::{Bytes, BytesMut};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, DescriptorType, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, FsError, FsResult, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

/// The most that one stream read returns or one stream write takes, in bytes.
const CHUNK: usize = 64 << 10;

impl From<Exceeded> for ErrorCode {
    fn from(_: Exceeded) -> Self {
        Self::InsufficientSpace
    }
}

fn locked(quota: &Mutex<Quota>) -> std::sync::MutexGuard<'_, Quota> {
    quota.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Write all bytes, having counted the growth first. `offset` none appends.
fn put(quota: &Mutex<Quota>, file: &File, offset: Option<u64>, bytes: &[u8]) -> Result<u64, io::Error> {
    let size = file.metadata()?.len();
    let start = offset.unwrap_or(size);
    let end = start.checked_add(bytes.len() as u64).ok_or_else(no_space)?;
    let growth = end.saturating_sub(size);
    locked(quota).grow(growth).map_err(|_| no_space())?;
    let written = file.write_all_at(bytes, start);
    if let Err(error) = &written {
        let now = file.metadata().map_or(end, |data| data.len());
        let mut quota = locked(quota);
        quota.shrink(end.max(size).saturating_sub(now.max(size)));
        quota.disk_refused(error);
    }
    written.map(|()| end)
}

/// A file or folder that was counted could not be made.
fn unmade(quota: &Mutex<Quota>, error: &FsError) {
    let code = match error.downcast_ref() {
        Some(ErrorCode::InsufficientSpace) => Some(Errno::NOSPC),
        Some(ErrorCode::Quota) => Some(Errno::DQUOT),
        Some(ErrorCode::Io) => Some(Errno::IO),
        Some(ErrorCode::ReadOnly) => Some(Errno::ROFS),
        _ => None,
    };
    let mut quota = locked(quota);
    quota.undo_add();
    if let Some(code) = code {
        quota.disk_refused(&code.into());
    }
}

/// As the operating system says it: the guest's own library knows this code.
fn no_space() -> io::Error {
    io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error())
}

impl State {
    fn file(&mut self, fd: &Resource<Descriptor>) -> FsResult<Arc<File>> {
        match self.filesystem().table.get(fd)? {
            Descriptor::File(file) => Ok(Arc::clone(&file.file)),
            Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
        }
    }

    fn writable(&mut self, fd: &Resource<Descriptor>) -> FsResult<Arc<File>> {
        if let Descriptor::File(file) = self.filesystem().table.get(fd)?
            && file.perms.write_not_permitted()
        {
            return Err(ErrorCode::NotPermitted.into());
        }
        self.file(fd)
    }

    fn in_output(&mut self, fd: &Resource<Descriptor>) -> FsResult<bool> {
        Ok(match self.filesystem().table.get(fd)? {
            Descriptor::Dir(dir) => !dir.perms.write_not_permitted(),
            Descriptor::File(_) => return Err(ErrorCode::NotDirectory.into()),
        })
    }

    pub(super) fn fs_write(&mut self, fd: &Resource<Descriptor>, bytes: &[u8], offset: u64) -> FsResult<u64> {
        let file = self.writable(fd)?;
        put(&self.shared.quota, &file, Some(offset), bytes)?;
        Ok(bytes.len() as u64)
    }

    pub(super) fn fs_set_size(&mut self, fd: &Resource<Descriptor>, size: u64) -> FsResult<()> {
        let file = self.writable(fd)?;
        let before = file.metadata()?.len();
        locked(&self.shared.quota).grow(size.saturating_sub(before)).map_err(ErrorCode::from)?;
        let done = file.set_len(size);
        let freed = if done.is_ok() { before.saturating_sub(size) } else { size.saturating_sub(before) };
        let mut quota = locked(&self.shared.quota);
        quota.shrink(freed);
        if let Err(error) = &done {
            quota.disk_refused(error);
        }
        drop(quota);
        Ok(done?)
    }

    pub(super) fn fs_reader(&mut self, fd: &Resource<Descriptor>, offset: u64) -> FsResult<Resource<DynInputStream>> {
        if matches!(self.filesystem().table.get(fd)?, Descriptor::Dir(_)) {
            return Err(ErrorCode::IsDirectory.into());
        }
        let stream: DynInputStream = Box::new(Reader { file: self.file(fd)?, offset });
        Ok(self.filesystem().table.push(stream)?)
    }

    /// `offset` none appends.
    pub(super) fn fs_writer(
        &mut self,
        fd: &Resource<Descriptor>,
        offset: Option<u64>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let file = self.writable(fd)?;
        let stream: DynOutputStream = Box::new(Writer { file, offset, quota: Arc::clone(&self.shared) });
        Ok(self.filesystem().table.push(stream)?)
    }

    pub(super) async fn fs_open(
        &mut self,
        fd: Resource<Descriptor>,
        path: (PathFlags, String),
        open: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let counted = self.in_output(&fd)?;
        let mut fs = self.filesystem();
        let found = fs.stat_at(Resource::new_borrow(fd.rep()), path.0, path.1.clone()).await;
        let made = match found.map(|stat| stat.type_) {
            Ok(DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink) => false,
            Ok(_) => return Err(ErrorCode::NotPermitted.into()),
            Err(_) => counted && open.contains(OpenFlags::CREATE),
        };
        if made {
            locked(&self.shared.quota).add().map_err(ErrorCode::from)?;
        }
        let opened = self.filesystem().open_at(fd, path.0, path.1, open, flags).await;
        match &opened {
            Ok(new) if counted => {
                if let Descriptor::File(file) = self.filesystem().table.get(new)? {
                    let file = Arc::clone(&file.file);
                    locked(&self.shared.quota).opened(&file);
                }
            }
            Err(error) if made => unmade(&self.shared.quota, error),
            _ => {}
        }
        opened
    }

    pub(super) async fn fs_create_dir(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        if !self.in_output(&fd)? {
            return Err(ErrorCode::NotPermitted.into());
        }
        // Making what exists must answer "exists", not "quota".
        let at = Resource::new_borrow(fd.rep());
        if self.filesystem().stat_at(at, PathFlags::empty(), path.clone()).await.is_ok() {
            return Err(ErrorCode::Exist.into());
        }
        locked(&self.shared.quota).add().map_err(ErrorCode::from)?;
        let made = self.filesystem().create_directory_at(fd, path).await;
        if let Err(error) = &made {
            unmade(&self.shared.quota, error);
        }
        made
    }

    pub(super) async fn fs_remove_file(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.filesystem().unlink_file_at(fd, path).await?;
        locked(&self.shared.quota).remove();
        Ok(())
    }

    pub(super) async fn fs_remove_dir(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.filesystem().remove_directory_at(fd, path).await?;
        locked(&self.shared.quota).remove();
        Ok(())
    }
}

struct Reader {
    file: Arc<File>,
    offset: u64,
}

#[async_trait]
impl Pollable for Reader {
    async fn ready(&mut self) {}
}

#[async_trait]
impl InputStream for Reader {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        if size == 0 {
            return Ok(Bytes::new());
        }
        let mut buffer = BytesMut::zeroed(size.min(CHUNK));
        match self.file.read_at(&mut buffer, self.offset) {
            Ok(0) => Err(StreamError::Closed),
            Ok(read) => {
                self.offset += read as u64;
                buffer.truncate(read);
                Ok(buffer.freeze())
            }
            Err(error) => Err(StreamError::LastOperationFailed(error.into())),
        }
    }
}

struct Writer {
    file: Arc<File>,
    offset: Option<u64>,
    quota: Arc<super::state::Shared>,
}

#[async_trait]
impl Pollable for Writer {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Writer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        match put(&self.quota.quota, &self.file, self.offset, &bytes) {
            Ok(end) => {
                if let Some(offset) = &mut self.offset {
                    *offset = end;
                }
                Ok(())
            }
            Err(error) => Err(StreamError::LastOperationFailed(error.into())),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK)
    }
}
