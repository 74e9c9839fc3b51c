//! A project folder with room to publish.

use capstan::artifact::collect::Allowance;
use capstan::artifact::name::Name;
use capstan::artifact::publish::{Order, PublishError, Published, Publisher};
use capstan::artifact::scratch::{self, Scratch};
use std::path::{Path, PathBuf};

pub(super) const SUBJECT: &str = "00112233445566778899aabbccddeeff";

pub(super) struct Project {
    folder: tempfile::TempDir,
    publisher: Publisher,
}

pub(super) fn name(lease: i64) -> Name {
    Name::new(SUBJECT, "ingest", lease).unwrap()
}

impl Project {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let publisher = Publisher::open(folder.path()).unwrap();
        scratch::clean(&folder.path().join("state/scratch")).unwrap();
        Self { folder, publisher }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn scratch(&self, lease: i64) -> Scratch {
        Scratch::create(&self.path().join("state/scratch"), lease).unwrap()
    }

    pub(super) fn publish(&self, scratch: Scratch, lease: i64) -> Result<Option<Published>, PublishError> {
        self.publish_within(scratch, lease, Allowance { bytes: 1_000, files: 10 })
    }

    pub(super) fn publish_within(
        &self,
        scratch: Scratch,
        lease: i64,
        allowance: Allowance,
    ) -> Result<Option<Published>, PublishError> {
        let media_types = [("document.md".to_owned(), "text/markdown".to_owned())];
        self.publisher.publish(scratch, &Order { name: &name(lease), allowance, media_types: &media_types })
    }

    /// Folders below `artifacts` and `state/scratch`, to see that nothing was left.
    pub(super) fn generations(&self) -> Vec<PathBuf> {
        let names = capstan::artifact::generation::list(self.path()).unwrap();
        names.iter().map(|name| PathBuf::from(name.location())).collect()
    }

    pub(super) fn scratches(&self) -> usize {
        std::fs::read_dir(self.path().join("state/scratch")).unwrap().count()
    }
}
