//! The configuration as it holds now, and how it is read again while the host works.
//!
//! Whoever needs a value asks [`Live::now`] at the moment of the decision and keeps
//! nothing. A file that is not in order changes nothing: what held before goes on, and
//! [`Live::trouble`] says what is wrong.

use super::layer::Overrides;
use super::{Config, ConfigError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::SystemTime;

/// Where a configuration comes from: a file, and what lies over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `capstan.toml`.
    pub path: PathBuf,
    /// What the environment and the command line set.
    pub overrides: Overrides,
}

/// What tells one state of the file from another: length and time of change; none when it
/// cannot be looked at.
pub type Stamp = Option<(u64, SystemTime)>;

impl Source {
    /// The file alone.
    pub fn file(path: PathBuf) -> Self {
        Self { path, overrides: Overrides::default() }
    }

    /// Read it now.
    ///
    /// # Errors
    /// The file, or what lies over it, is not in order.
    pub fn read(&self) -> Result<Config, ConfigError> {
        let text = std::fs::read_to_string(&self.path)
            .map_err(|error| ConfigError::Read { path: self.path.clone(), error })?;
        self.over(&text)
    }

    /// What this text of the file would be.
    ///
    /// # Errors
    /// The text, or what lies over it, is not in order.
    pub fn over(&self, text: &str) -> Result<Config, ConfigError> {
        // First the file alone: its errors have lines and columns.
        let config = Config::parse(text, &self.path)?;
        if self.overrides.is_empty() {
            return Ok(config);
        }
        let base: toml::Table = text.parse().unwrap_or_default();
        let table = self.overrides.over(base.clone()).map_err(|error| ConfigError::Override(error.to_string()))?;
        Config::of_table(table, &self.path).map_err(|error| self.blame(&base, error))
    }

    /// An error of all together, as that of the one that makes it when it is alone.
    fn blame(&self, base: &toml::Table, error: ConfigError) -> ConfigError {
        let alone = |each: &super::layer::Override| {
            let only = Overrides::only(each.clone());
            let table = only.over(base.clone()).ok()?;
            let error = Config::of_table(table, Path::new(&each.origin)).err()?;
            Some(ConfigError::Override(error.to_string()))
        };
        self.overrides.iter().find_map(alone).unwrap_or(error)
    }

    /// What the file looks like now.
    pub fn stamp(&self) -> Stamp {
        let meta = std::fs::metadata(&self.path).ok()?;
        Some((meta.len(), meta.modified().ok()?))
    }
}

/// The configuration that holds now.
#[derive(Debug)]
pub struct Live {
    source: Source,
    now: RwLock<Arc<Config>>,
    seen: Mutex<Seen>,
}

/// What the last look at the file saw.
#[derive(Debug)]
struct Seen {
    stamp: Stamp,
    trouble: Option<String>,
}

/// What reading again came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reread {
    /// It says what held before.
    Same,
    /// Something else holds from now on. The keys that changed and need a new start of the
    /// host to have effect.
    Changed {
        /// Their names.
        at_start: Vec<&'static str>,
    },
}

impl Live {
    /// Read it for the first time.
    ///
    /// # Errors
    /// It is not in order.
    pub fn open(source: Source) -> Result<Self, ConfigError> {
        let stamp = source.stamp();
        let config = source.read()?;
        Ok(Self::with(source, config, stamp))
    }

    /// One that was made just now and is not on the disk yet.
    pub fn of(source: Source, config: Config) -> Self {
        Self::with(source, config, None)
    }

    fn with(source: Source, config: Config, stamp: Stamp) -> Self {
        Self { source, now: RwLock::new(Arc::new(config)), seen: Mutex::new(Seen { stamp, trouble: None }) }
    }

    /// Where it comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// What holds now.
    pub fn now(&self) -> Arc<Config> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Why the file as it is now does not hold.
    pub fn trouble(&self) -> Option<String> {
        self.seen().trouble.clone()
    }

    /// What the file looks like now, if that is other than when it was last read. Cheap.
    pub fn moved(&self) -> Option<Stamp> {
        let stamp = self.source.stamp();
        (stamp != self.seen().stamp).then_some(stamp)
    }

    /// Read it again; what is in order holds from now on.
    ///
    /// # Errors
    /// It is not in order; then what held before goes on.
    pub fn reread(&self) -> Result<Reread, ConfigError> {
        // The stamp first: a change while reading is seen at the next look.
        let stamp = self.source.stamp();
        let read = self.source.read();
        *self.seen() = Seen { stamp, trouble: read.as_ref().err().map(ToString::to_string) };
        let config = read?;
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if **now == config {
            return Ok(Reread::Same);
        }
        let at_start = needs_start(&now, &config);
        *now = Arc::new(config);
        Ok(Reread::Changed { at_start })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys that differ and are read only when a host starts: they size its engine.
fn needs_start(before: &Config, after: &Config) -> Vec<&'static str> {
    let mut keys = Vec::new();
    if before.worker.slots != after.worker.slots {
        keys.push("worker.slots");
    }
    if before.worker.guest_threads != after.worker.guest_threads {
        keys.push("worker.guest_threads");
    }
    if before.dumps() != after.dumps() {
        keys.push("the first coredump = \"on\" or the last one taken away");
    }
    keys
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn source(text: &str, flags: &[&str]) -> (tempfile::TempDir, Source) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capstan.toml");
        std::fs::write(&path, text).unwrap();
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let overrides = Overrides::new([], &flags).unwrap();
        (folder, Source { path, overrides })
    }

    #[test]
    fn what_is_in_order_holds_at_once_and_the_rest_changes_nothing() {
        let (_folder, source) = source("[limits]\nrequests = 1\n", &[]);
        let path = source.path.clone();
        let live = Live::open(source).unwrap();
        assert_eq!(live.moved(), None);
        assert_eq!(live.reread().unwrap(), Reread::Same);
        std::fs::write(&path, "[limits]\nrequests = 22\n[worker]\nslots = 9\n").unwrap();
        assert_eq!(live.moved(), Some(live.source().stamp()));
        assert_eq!(live.reread().unwrap(), Reread::Changed { at_start: vec!["worker.slots"] });
        assert_eq!(live.now().limits("x").requests, 22);
        std::fs::write(&path, "[limits]\nrequests = 333\nspeed = 1\n").unwrap();
        let error = live.reread().unwrap_err().to_string();
        assert!(error.contains("unknown field `speed`"), "{error}");
        assert_eq!(live.trouble(), Some(error));
        assert_eq!(live.now().limits("x").requests, 22);
        assert_eq!(live.moved(), None, "it is read again when it changes, not before");
        std::fs::write(&path, "[limits]\nrequests = 4\n").unwrap();
        live.reread().unwrap();
        assert_eq!((live.trouble(), live.now().limits("x").requests), (None, 4));
    }

    #[test]
    fn an_override_that_cannot_be_is_named() {
        let flags = ["limits.requests=5", "limits.cpu=30"];
        let (_folder, both) = source("", &flags);
        let error = both.read().unwrap_err().to_string();
        assert!(error.starts_with("--set limits.cpu=30: "), "{error}");
        assert!(error.contains("30 has no unit"), "{error}");
        let (_folder, range) = source("", &["worker.slots=0"]);
        let error = range.read().unwrap_err().to_string();
        assert_eq!(error, "--set worker.slots=0: worker.slots = 0 is out of range: it must be 1 to 10000");
        let (_folder, fine) = source("[limits]\nrequests = 1\n", &flags[..1]);
        assert_eq!(fine.read().unwrap().limits("x").requests, 5);
    }
}
