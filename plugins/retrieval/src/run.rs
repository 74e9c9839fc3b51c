//! The measuring itself.

use anyhow::{Context, Result, ensure};
use capstan_embed::Table;
use capstan_text::Size;
use capstan_vectors::WordPiece;

use crate::corpus::{Half, Page};
use crate::question::{Question, Set};
use crate::rank::{Fusion, Passages, Ranking, Row, Scope, Tokens, Vectors, Words, fuse};
use crate::score::{self, Score};

/// What was chosen on the development half.
const ROW: Row = Row::Page;
const WEIGHTS: [f64; 2] = [1.0, 1.0];
const SCOPE: Scope = Scope::Title;
const FUSION: Fusion = Fusion::Scores { share: 0.7 };

const SETS: [(Set, &str); 3] = [(Set::Title, "title"), (Set::Sentence, "sentence"), (Set::Paraphrase, "paraphrase")];

/// Pages, cut with and without what is asked, and the questions.
pub struct Bench {
    stripped: Passages,
    whole: Passages,
    questions: Vec<Question>,
    words: WordPiece,
}

/// Something of both cuts.
struct Cuts<T> {
    stripped: T,
    whole: T,
}

impl Bench {
    /// Cut the pages.
    #[must_use]
    pub fn new(pages: &[Page], questions: Vec<Question>) -> Self {
        let size = Size::default();
        let stripped = Passages::of(pages.iter().map(|page| &*page.stripped), size);
        let whole = Passages::of(pages.iter().map(|page| &*page.file), size);
        println!("{} pages, {} passages, {} without titles and sentences", pages.len(), whole.len(), stripped.len());
        for (set, name) in SETS {
            let count = |half| questions.iter().filter(|asked| asked.set == set && asked.half == half).count();
            println!(
                "{name}: {} questions for development, {} held out",
                count(Half::Development),
                count(Half::HeldOut)
            );
        }
        Self { stripped, whole, questions, words: WordPiece::default() }
    }

    /// What there is to choose of each kind, on the development half; how both are joined is in the report.
    ///
    /// # Errors
    ///
    /// Those of the index, and a table that is none.
    pub fn choose(&self, tables: &[(String, Vec<u8>)]) -> Result<()> {
        let half = Half::Development;
        heading("vectors, development half");
        let tokens = self.tokens(SCOPE);
        for (name, table) in tables {
            self.print(&format!("{name} {SCOPE:?}"), &self.by_vectors(table, &tokens, half)?, half);
        }
        let (name, table) = tables.first().context("there is no table")?;
        for scope in [Scope::Text, Scope::Headings] {
            self.print(&format!("{name} {scope:?}"), &self.by_vectors(table, &self.tokens(scope), half)?, half);
        }
        heading("words, development half");
        for row in [Row::Page, Row::Passage] {
            let index = self.index(row)?;
            for weights in [[1.0, 1.0], [2.0, 2.0], [4.0, 2.0], [8.0, 4.0]] {
                self.print(&format!("{row:?} {weights:?}"), &self.by_words(&index, weights, half)?, half);
            }
        }
        Ok(())
    }

    /// Both halves for what was chosen.
    ///
    /// # Errors
    ///
    /// Those of the index, a table that is none, and when both together find less than words alone.
    pub fn report(&self, tables: &[(String, Vec<u8>)]) -> Result<()> {
        let (tokens, index) = (self.tokens(SCOPE), self.index(ROW)?);
        for (half, name) in [(Half::Development, "development half"), (Half::HeldOut, "held-out half")] {
            let words = self.by_words(&index, WEIGHTS, half)?;
            heading(name);
            self.print("words", &words, half);
            for (at, (name, table)) in tables.iter().enumerate() {
                let vectors = self.by_vectors(table, &tokens, half)?;
                self.print(&format!("vectors {name}"), &vectors, half);
                for fusion in fusions().into_iter().filter(|_| half == Half::Development && at == 0) {
                    self.print(&format!("both {fusion:?}"), &both(&words, &vectors, fusion), half);
                }
                let both = both(&words, &vectors, FUSION);
                self.print(&format!("both {name}"), &both, half);
                for (set, asked) in SETS.into_iter().filter(|_| half == Half::HeldOut && at == 0) {
                    let (both, words) = (self.score(&both, set, half), self.score(&words, set, half));
                    ensure!(both.ten >= words.ten, "{asked}: both find {both}, words alone {words}");
                }
            }
        }
        Ok(())
    }

    /// The rankings of the questions of a half, in their order; the others have none.
    fn by_words(&self, index: &Cuts<Words>, weights: [f64; 2], half: Half) -> Result<Vec<Ranking>> {
        let rank = |asked: &Question| match asked.set {
            _ if asked.half != half => Ok(Vec::new()),
            Set::Paraphrase => index.whole.rank(&asked.text, weights),
            Set::Title | Set::Sentence => index.stripped.rank(&asked.text, weights),
        };
        self.questions.iter().map(rank).collect()
    }

    fn index(&self, row: Row) -> Result<Cuts<Words>> {
        Ok(Cuts { stripped: Words::of(&self.stripped, row)?, whole: Words::of(&self.whole, row)? })
    }

    fn tokens(&self, scope: Scope) -> Cuts<Tokens> {
        let tokens = |passages| Tokens::of(passages, scope, &self.words);
        Cuts { stripped: tokens(&self.stripped), whole: tokens(&self.whole) }
    }

    fn by_vectors(&self, table: &[u8], tokens: &Cuts<Tokens>, half: Half) -> Result<Vec<Ranking>> {
        let table = Table::new(table).context("a table is none")?;
        let (stripped, whole) = (Vectors::of(&tokens.stripped, table), Vectors::of(&tokens.whole, table));
        let index = |set| if set == Set::Paraphrase { &whole } else { &stripped };
        let rank = |asked: &Question| {
            let vector = Some(asked).filter(|asked| asked.half == half);
            let vector = vector.and_then(|asked| table.embed(&self.words.tokens(&asked.text)));
            vector.map_or_else(Vec::new, |vector| index(asked.set).rank(&vector))
        };
        Ok(self.questions.iter().map(rank).collect())
    }

    fn score(&self, rankings: &[Ranking], set: Set, half: Half) -> Score {
        let asked = self.questions.iter().zip(rankings).filter(|(asked, _)| asked.set == set && asked.half == half);
        score::of(asked.map(|(asked, ranking)| (ranking, &*asked.right)))
    }

    fn print(&self, name: &str, rankings: &[Ranking], half: Half) {
        let scores: Vec<String> = SETS.iter().map(|(set, _)| self.score(rankings, *set, half).to_string()).collect();
        println!("{name:44} {}", scores.join("   "));
    }
}

fn heading(name: &str) {
    println!("\n{name:44} {:19} {:19} {:19}", "title: @1 @10 MRR", "sentence", "paraphrase");
}

fn both(words: &[Ranking], vectors: &[Ranking], fusion: Fusion) -> Vec<Ranking> {
    words.iter().zip(vectors).map(|(words, vectors)| fuse(words, vectors, fusion)).collect()
}

fn fusions() -> Vec<Fusion> {
    let shares = [0.5, 0.6, 0.7, 0.8];
    let ranks = [10.0, 60.0].into_iter().flat_map(|k| shares.map(|share| Fusion::Ranks { k, share }));
    let scores = shares.into_iter().flat_map(|share| [Fusion::Scores { share }, Fusion::Raw { share }]);
    ranks.chain(scores).collect()
}
