//! What lies over `capstan.toml`: the environment, and over that the command line.
//!
//! A variable `CAPSTAN__LIMITS__CPU=10s` and an option `--set limits.cpu=10s` are both one
//! key and its value, put into the tables of the file before they are read as a
//! configuration. So the same keys, units and ranges hold everywhere, and an unknown key is
//! an error wherever it stands. What this cannot do: name a key with a dash or a dot in the
//! environment, since no such variable can be set; `--set` and the file can.

use toml::Table;

/// What the names of variables begin with.
pub const PREFIX: &str = "CAPSTAN__";

/// A key that is set over the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The key as TOML has it, such as `limits.cpu`.
    pub key: String,
    /// Its value: TOML, or a text without quotes.
    pub value: String,
    /// Where it was set, as people write it.
    pub origin: String,
}

/// What is wrong with an override, apart from the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// No key and value.
    #[error("--set {0:?} is no key and value: write for example --set limits.cpu=10s")]
    Form(String),
    /// The key cannot be one.
    #[error("{0}: the key is not one of TOML: {1}")]
    Key(String, String),
}

/// Every key that is set over the file; later ones win.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides(Vec<Override>);

impl Overrides {
    /// What the environment and the command line set; `variables` in any order, `flags` as
    /// `KEY=VALUE`.
    ///
    /// # Errors
    /// A flag is no key and value.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>, flags: &[String]) -> Result<Self, OverrideError> {
        let mut all: Vec<Override> = variables.into_iter().filter_map(|(name, value)| variable(&name, value)).collect();
        all.sort_by(|a, b| a.origin.cmp(&b.origin));
        for flag in flags {
            let (key, value) = flag.split_once('=').ok_or_else(|| OverrideError::Form(flag.clone()))?;
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            all.push(Override { key, value, origin: format!("--set {flag}") });
        }
        Ok(Self(all))
    }

    /// One of them alone.
    pub(super) fn only(one: Override) -> Self {
        Self(vec![one])
    }

    /// Each of them, in the order in which they are put over the file.
    pub fn iter(&self) -> impl Iterator<Item = &Override> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Put them over a file's tables.
    ///
    /// # Errors
    /// A key cannot be one.
    pub fn over(&self, mut base: Table) -> Result<Table, OverrideError> {
        for each in &self.0 {
            merge(&mut base, each.table()?);
        }
        Ok(base)
    }
}

impl Override {
    /// The key and its value as the tables of a file.
    ///
    /// # Errors
    /// The key cannot be one.
    pub fn table(&self) -> Result<Table, OverrideError> {
        let parse = |value: &str| format!("{} = {value}", self.key).parse::<Table>();
        // A newline would begin a key of its own.
        let raw = if self.value.contains(['\n', '\r']) { None } else { parse(&self.value).ok() };
        // Every escape of a JSON text is one of TOML.
        let quoted = || parse(&serde_json::Value::from(self.value.as_str()).to_string());
        raw.map_or_else(quoted, Ok).map_err(|error| OverrideError::Key(self.origin.clone(), error.message().to_owned()))
    }
}

/// `CAPSTAN__LIMITS__SCRATCH_BYTES` is `limits.scratch_bytes`.
fn variable(name: &str, value: String) -> Option<Override> {
    let key = name.strip_prefix(PREFIX)?.to_ascii_lowercase().replace("__", ".");
    Some(Override { key, value, origin: name.to_owned() })
}

/// Tables are merged key by key; everything else is replaced.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => merge(below, above),
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn over(base: &str, variables: &[(&str, &str)], flags: &[&str]) -> Result<Table, OverrideError> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Overrides::new(variables, &flags)?.over(base.parse().unwrap())
    }

    #[test]
    fn the_command_line_lies_over_the_environment_and_that_over_the_file() {
        let base = "[limits]\ncpu = \"1s\"\nwall = \"2s\"\nmemory = \"1MiB\"";
        let variables = [("CAPSTAN__LIMITS__CPU", "3s"), ("CAPSTAN__LIMITS__WALL", "4s"), ("CAPSTAN_LOG", "debug")];
        let table = over(base, &variables, &["limits.wall=5s", "worker.slots = 7"]).unwrap();
        let expected = "[limits]\ncpu = \"3s\"\nwall = \"5s\"\nmemory = \"1MiB\"\n[worker]\nslots = 7";
        assert_eq!(table, expected.parse().unwrap());
    }

    #[test]
    fn a_value_is_toml_or_a_text() {
        for (flag, expected) in [
            ("a.b=true", "a.b = true"),
            ("a.b=[\"x\", \"y\"]", "a.b = ['x', 'y']"),
            ("a.b=30s", "a.b = '30s'"),
            ("a.b=\"30s\"", "a.b = '30s'"),
            ("a.\"x.y\".c=1", "a.'x.y'.c = 1"),
            ("a.b=say \"x\" = y", "a.b = 'say \"x\" = y'"),
            ("a.b=", "a.b = ''"),
        ] {
            assert_eq!(over("", &[], &[flag]).unwrap(), expected.parse().unwrap(), "{flag}");
        }
    }

    #[test]
    fn nothing_can_be_smuggled_in_behind_a_value() {
        let table = over("", &[("CAPSTAN__A", "1\nb = 2")], &[]).unwrap();
        assert_eq!(table.get("a").unwrap().as_str(), Some("1\nb = 2"));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn what_is_no_key_is_named() {
        assert_eq!(over("", &[], &["limits.cpu"]), Err(OverrideError::Form("limits.cpu".to_owned())));
        let error = over("", &[], &["limits cpu=1"]).unwrap_err().to_string();
        assert!(error.starts_with("--set limits cpu=1: the key is not one of TOML: "), "{error}");
    }
}
