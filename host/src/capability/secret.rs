//! Secrets that go with a handler's requests and that the handler never holds.
//!
//! The operator says where a secret comes from, into which header it goes, and with
//! which requests. It is put in when a request leaves, after every check, and each
//! redirect is a request of its own, so it goes nowhere else. A server that echoes it
//! is masked, in headers and in the body, before the guest reads a byte. What this
//! cannot promise: to find a secret that the server sends back in another form.

use crate::rules::pattern::{Pattern, Target};
use std::collections::BTreeSet;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a secret: shorter ones would mask half of every page.
const LEAST: usize = 8;

/// Where the value is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a variable of the host's environment.
    Env(String),
    /// In a file that only the host's user may read.
    File(PathBuf),
}

/// A secret that is ready to go.
#[derive(Clone)]
pub struct Secret {
    header: String,
    value: Arc<str>,
    line: Arc<str>,
    to: BTreeSet<Pattern>,
}

/// Why a secret cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The header is not `name: text with {}`.
    #[error(
        "secret.{name}.header {header:?} is not a header with {{}} in its place: write it like \"authorization: Bearer {{}}\""
    )]
    Header {
        /// The secret.
        name: String,
        /// What was written.
        header: String,
    },
    /// It is not there, or cannot be read.
    #[error("secret.{name} cannot be read from {place}: {reason}")]
    Unreadable {
        /// The secret.
        name: String,
        /// Where it should be.
        place: String,
        /// Why.
        reason: String,
    },
    /// Others may read it.
    #[error("secret.{name}: file {path} can be read by others (mode {mode:o}): make it 0600")]
    Open {
        /// The secret.
        name: String,
        /// The file.
        path: String,
        /// Its mode.
        mode: u32,
    },
    /// It cannot be a secret.
    #[error(
        "secret.{name} has {bytes} bytes or holds characters that no header may: at least {LEAST} visible ones are needed"
    )]
    Unfit {
        /// The secret.
        name: String,
        /// Its length.
        bytes: usize,
    },
}

impl Secret {
    /// Read a secret. `header` is a name, a colon and a text with `{}` where the value goes.
    ///
    /// # Errors
    /// It cannot be read, is not kept for its owner alone, or cannot be in a header.
    pub fn open(name: &str, header: &str, to: BTreeSet<Pattern>, place: &Place) -> Result<Self, SecretError> {
        let value = value(name, place)?;
        let value = value.trim_end_matches(['\r', '\n']);
        if value.len() < LEAST || !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(SecretError::Unfit { name: name.to_owned(), bytes: value.len() });
        }
        let wrong = || SecretError::Header { name: name.to_owned(), header: header.to_owned() };
        let (field, text) = header.split_once(':').ok_or_else(wrong)?;
        let is_name = !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_name || text.matches("{}").count() != 1 {
            return Err(wrong());
        }
        let line = text.trim().replacen("{}", value, 1);
        Ok(Self { header: field.to_lowercase(), value: value.into(), line: line.into(), to })
    }

    /// The header, if the secret goes with this request.
    pub fn for_request(&self, target: &Target) -> Option<(&str, &str)> {
        self.to.iter().any(|pattern| pattern.matches(target)).then_some((&*self.header, &*self.line))
    }
}

/// The value never gets into a log by accident.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("header", &self.header).field("to", &self.to).finish_non_exhaustive()
    }
}

fn value(name: &str, place: &Place) -> Result<String, SecretError> {
    let unreadable = |place: String, reason: String| SecretError::Unreadable { name: name.to_owned(), place, reason };
    match place {
        Place::Env(variable) => {
            std::env::var(variable).map_err(|error| unreadable(format!("${variable}"), error.to_string()))
        }
        Place::File(path) => {
            read(name, path).map_err(|error| unreadable(path.display().to_string(), error.to_string()))?
        }
    }
}

fn read(name: &str, path: &Path) -> std::io::Result<Result<String, SecretError>> {
    let mode = std::fs::metadata(path)?.mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display().to_string();
        return Ok(Err(SecretError::Open { name: name.to_owned(), path, mode }));
    }
    std::fs::read_to_string(path).map(Ok)
}

/// Masks secrets in what comes back, also where one is cut in two or overlaps another.
#[derive(Debug, Default)]
pub struct Mask {
    values: Vec<Arc<str>>,
    /// The last bytes, unmasked: some that were given out, and then those held back.
    tail: Vec<u8>,
    given: usize,
}

impl Mask {
    /// A mask for these secrets.
    pub fn new(secrets: &[Secret]) -> Self {
        Self { values: secrets.iter().map(|secret| Arc::clone(&secret.value)).collect(), ..Self::default() }
    }

    /// Whether there is nothing to mask.
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A whole text, masked with as many asterisks as it had letters.
    pub fn whole(&self, text: &[u8]) -> Vec<u8> {
        let mut masked = text.to_vec();
        for value in self.values.iter().map(|value| value.as_bytes()) {
            for (at, _) in text.windows(value.len()).enumerate().filter(|(_, window)| *window == value) {
                masked[at..at + value.len()].fill(b'*');
            }
        }
        masked
    }

    /// The next part; what may be the beginning of a secret is held back for the part behind it.
    pub fn part(&mut self, part: &[u8]) -> Vec<u8> {
        if self.is_empty() {
            return part.to_vec();
        }
        self.tail.extend_from_slice(part);
        let held = self.values.iter().map(|value| beginning(value.as_bytes(), &self.tail)).max().unwrap_or(0);
        self.give(held)
    }

    /// What was held back, at the end.
    pub fn rest(&mut self) -> Vec<u8> {
        self.give(0)
    }

    /// Give out all but the last bytes; the longest secret may have begun in what is given.
    fn give(&mut self, held: usize) -> Vec<u8> {
        let end = self.tail.len() - held;
        let out = self.whole(&self.tail).get(self.given..end).unwrap_or_default().to_vec();
        let longest = self.values.iter().map(|value| value.len()).max().unwrap_or(0);
        let forgotten = end.saturating_sub(longest);
        self.tail.drain(..forgotten);
        self.given = end - forgotten;
        out
    }
}

/// How many of the last bytes of `text` may be the beginning of `value`.
fn beginning(value: &[u8], text: &[u8]) -> usize {
    let most = text.len().min(value.len() - 1);
    (1..=most).rev().find(|bytes| text.ends_with(&value[..*bytes])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::rules::pattern::Scheme;
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt;

    fn secret(text: &str, header: &str) -> Result<Secret, SecretError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        Secret::open("key", header, ["POST https://api.example".parse().unwrap()].into(), &Place::File(path))
    }

    #[test]
    fn it_goes_with_the_requests_it_is_for() {
        let secret = secret("s3cret-value\n", "Authorization: Bearer {}").unwrap();
        let to = |method: &str, host: &str| Target {
            method: method.into(),
            scheme: Scheme::Https,
            host: host.into(),
            port: 443,
        };
        assert_eq!(secret.for_request(&to("POST", "api.example")), Some(("authorization", "Bearer s3cret-value")));
        assert_eq!(secret.for_request(&to("GET", "api.example")), None);
        assert_eq!(secret.for_request(&to("POST", "evil.example")), None);
        assert!(!format!("{secret:?}").contains("s3cret"));
    }

    #[test]
    fn what_cannot_be_one_is_refused() {
        assert!(matches!(secret("short", "a: {}"), Err(SecretError::Unfit { bytes: 5, .. })));
        assert!(matches!(secret("two\r\nlines-of-it", "a: {}"), Err(SecretError::Unfit { .. })));
        assert!(matches!(secret("long-enough", "a {}"), Err(SecretError::Header { .. })));
        assert!(matches!(secret("long-enough", "a: b"), Err(SecretError::Header { .. })));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
        let open = Secret::open("key", "a: {}", BTreeSet::new(), &Place::File(file.path().to_owned()));
        assert!(matches!(open, Err(SecretError::Open { mode: 0o640, .. })));
        let none = Secret::open("key", "a: {}", BTreeSet::new(), &Place::Env("CAPSTAN_NO_SUCH_VARIABLE".into()));
        assert!(none.unwrap_err().to_string().contains("cannot be read from $CAPSTAN_NO_SUCH_VARIABLE"));
    }

    #[test]
    fn secrets_that_overlap_are_masked_too() {
        let secret = secret("xyzAAAxyz", "a: {}").unwrap();
        let mut mask = Mask::new(&[secret]);
        let mut out = mask.part(b"-xyzAAAxyz");
        out.extend(mask.part(b"AAAxyz-"));
        out.extend(mask.rest());
        assert_eq!(out, b"-***************-");
    }

    proptest! {
        /// However the bytes arrive, what comes out is as long as what came in, and holds no secret.
        #[test]
        fn a_secret_that_is_cut_in_pieces_is_masked(before in "[a-s ]{0,20}", after in "[a-s ]{0,20}", cut in 1_usize..9) {
            let secret = secret("s3cret-value", "a: {}").unwrap();
            let text = format!("{before}s3cret-value{after}s3cret-values3cret-val");
            let mut mask = Mask::new(&[secret]);
            let mut out: Vec<u8> = text.as_bytes().chunks(cut).flat_map(|part| mask.part(part)).collect();
            out.extend(mask.rest());
            let out = String::from_utf8(out).unwrap();
            prop_assert_eq!(out, text.replace("s3cret-value", "************"));
        }
    }
}
