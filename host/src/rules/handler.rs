//! Which handler comes to do which kind: adding, replacing, going back.
//!
//! Pure functions of what is on record. A component never takes a kind from a handler
//! of another name that works, and a kind that a new version no longer does stays
//! with the version before it. What this cannot know: whether a component does its
//! kinds well.

/// A component that is to be used.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its digest.
    pub digest: &'a str,
    /// The kinds that it does.
    pub kinds: &'a [String],
}

/// What does a kind now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doer<'a> {
    /// The kind.
    pub kind: &'a str,
    /// The handler's digest.
    pub digest: &'a str,
    /// The handler's name.
    pub name: &'a str,
    /// Whether an operator has disabled it.
    pub is_disabled: bool,
    /// The digest that did the kind before.
    pub previous: Option<&'a str>,
}

/// How a component is to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placing {
    /// It is new: it does kinds that nothing does.
    Add,
    /// It takes over from the handler of its name.
    Swap,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// It does all of its kinds already.
    Unchanged,
    /// It is to do these kinds from now on.
    Routed {
        /// The kinds that it does not do yet.
        kinds: Vec<String>,
        /// The digest of the handler of its name that did some of them.
        replaces: Option<String>,
    },
}

/// Why a component is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// It was to be new, and an earlier version works.
    #[error("kind {kind:?} is done by handler {name} already")]
    Taken {
        /// The kind.
        kind: String,
        /// The handler of the same name.
        name: String,
    },
    /// A kind belongs to somebody else.
    #[error("kind {kind:?} is done by handler {name}, and this component calls itself {by}")]
    Other {
        /// The kind.
        kind: String,
        /// The handler that does it.
        name: String,
        /// The component's name.
        by: String,
    },
    /// It was to take over, and there is nothing to take over from.
    #[error("no handler {0} does any kind that this component does")]
    Nothing(String),
}

impl PlaceError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Taken { .. } => "`capstan handler swap FILE` replaces it".to_owned(),
            Self::Other { name, .. } => {
                format!("`capstan handler disable {name}` first, then its kinds can be taken over")
            }
            Self::Nothing(_) => "`capstan handler add FILE` adds it".to_owned(),
        }
    }
}

/// What is to be done with a component.
///
/// # Errors
/// It may not be used so.
pub fn place(candidate: Candidate<'_>, placing: Placing, doers: &[Doer<'_>]) -> Result<Placement, PlaceError> {
    let mut kinds = Vec::new();
    let mut replaces = None;
    let mut already = 0;
    for kind in candidate.kinds {
        let Some(doer) = doers.iter().find(|doer| doer.kind == kind) else {
            kinds.push(kind.clone());
            continue;
        };
        if doer.digest == candidate.digest {
            already += 1;
            continue;
        }
        let name = doer.name.to_owned();
        if doer.name != candidate.name && !doer.is_disabled {
            return Err(PlaceError::Other { kind: kind.clone(), name, by: candidate.name.to_owned() });
        }
        if doer.name == candidate.name {
            if placing == Placing::Add {
                return Err(PlaceError::Taken { kind: kind.clone(), name });
            }
            replaces.get_or_insert_with(|| doer.digest.to_owned());
        }
        kinds.push(kind.clone());
    }
    if kinds.is_empty() {
        return Ok(Placement::Unchanged);
    }
    if placing == Placing::Swap && replaces.is_none() && already == 0 {
        return Err(PlaceError::Nothing(candidate.name.to_owned()));
    }
    Ok(Placement::Routed { kinds, replaces })
}

/// Kinds that go back, and to which digest each.
pub type WayBack = Vec<(String, String)>;

/// Why nothing goes back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RollBackError {
    /// Nothing is called so.
    #[error("nothing that does a kind is called {0:?}: neither a handler, nor a kind, nor a digest")]
    Unknown(String),
    /// Nothing did it before.
    #[error("{0} has no version before this one")]
    First(String),
}

/// Which kinds go back: those of the handler with this name, or else the kind of this
/// name, or else those of the digest that begins so (six digits at least).
///
/// # Errors
/// There is none, or nothing did any of them before.
pub fn roll_back(target: &str, doers: &[Doer<'_>]) -> Result<WayBack, RollBackError> {
    let bare = target.strip_prefix("sha256:").unwrap_or(target);
    let named: Vec<_> = doers.iter().filter(|doer| doer.name == target).collect();
    let kind = || doers.iter().filter(|doer| doer.kind == target).collect::<Vec<_>>();
    let digest = || doers.iter().filter(|doer| bare.len() >= 6 && doer.digest.starts_with(bare)).collect::<Vec<_>>();
    let found = [named, kind(), digest()].into_iter().find(|found| !found.is_empty());
    let found = found.ok_or_else(|| RollBackError::Unknown(target.to_owned()))?;
    let back: WayBack =
        found.iter().filter_map(|doer| Some((doer.kind.to_owned(), doer.previous?.to_owned()))).collect();
    if back.is_empty() { Err(RollBackError::First(target.to_owned())) } else { Ok(back) }
}
