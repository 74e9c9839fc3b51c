//! Terms of one or several words, counted in a text; the text as a vector of them (Salton's `lnc`).

use rustc_hash::FxHashMap;

use crate::Text;

/// A term, and the numbers of its words.
type Wanted<'a> = (&'a [String], Vec<u32>);

/// How often terms come in a text.
#[derive(Debug)]
pub struct Counts<'a> {
    terms: FxHashMap<&'a [String], usize>,
    /// The length of the text as a vector.
    pub length: f64,
}

impl<'a> Counts<'a> {
    /// The counts of these terms; a term is a row of keys.
    #[must_use]
    pub fn of(text: &Text, terms: impl Iterator<Item = &'a [String]>) -> Self {
        let mut wanted: FxHashMap<u32, Vec<Wanted<'_>>> = FxHashMap::default();
        for term in terms {
            let ids: Option<Vec<u32>> = term.iter().map(|key| text.id(key)).collect();
            if let Some(ids) = ids {
                wanted.entry(ids[0]).or_default().push((term, ids));
            }
        }
        let mut counts: FxHashMap<&[String], usize> = FxHashMap::default();
        let mut forms = vec![0_usize; text.forms()];
        for (at, token) in text.tokens.iter().enumerate() {
            forms[token.id as usize] += usize::from(!token.is_stop);
            for (term, ids) in wanted.get(&token.id).into_iter().flatten() {
                let row = text.tokens[at..].iter().take(ids.len());
                let is_row = row.clone().skip(1).all(|token| token.is_joined) && row.map(|token| &token.id).eq(ids);
                *counts.entry(term).or_default() += usize::from(is_row);
            }
        }
        let length = forms.into_iter().map(|count| log(count).powi(2)).sum::<f64>().sqrt();
        Self { terms: counts, length }
    }

    /// What a term weighs in the text: 1 + ln of how often it comes, 0 without.
    #[must_use]
    pub fn weight(&self, term: &[String]) -> f64 {
        log(self.terms.get(term).copied().unwrap_or(0))
    }
}

fn log(count: usize) -> f64 {
    if count == 0 { 0.0 } else { 1.0 + (count as f64).ln() }
}
