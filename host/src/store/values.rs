//! Statements over many rows whose values are bound one by one.
//!
//! The ends of attempts are written so, which every job has: SQLite takes a bound value as it is, but looks each value of a
//! JSON document up by its path (`docs/benchmarks.md` has what that takes). There is a statement for each of a few
//! numbers of rows, so that each is prepared once; where one has more rows than there are to write, the rest is NULL,
//! and a statement must pass over rows whose first column is. What this cannot promise: anything about a call of
//! several statements as one; that is what the transaction around it is for.

use super::StoreError;
use sqlx::SqliteConnection;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteRow};

/// Rows that the statements take. A commit has some hundred ends of attempts when small jobs flow, and one when few do.
const SIZES: [usize; 3] = [1, 16, 128];

/// A statement for each of [`SIZES`].
pub(super) struct Values {
    texts: [String; SIZES.len()],
}

impl Values {
    /// What `statement` makes of a list of rows, `VALUES (?, …), …`, that have so many columns.
    pub(super) fn new(columns: usize, statement: impl Fn(&str) -> String) -> Self {
        let row = format!("({})", vec!["?"; columns].join(", "));
        Self { texts: SIZES.map(|rows| statement(&format!("VALUES {}", vec![row.as_str(); rows].join(", ")))) }
    }

    /// The statement for one row.
    #[cfg(test)]
    pub(super) fn of_one(&self) -> &str {
        &self.texts[0]
    }

    /// Write rows; what the statements return.
    pub(super) async fn write<R>(
        &'static self,
        conn: &mut SqliteConnection,
        rows: &[R],
        bind: impl Fn(&R, &mut SqliteArguments) -> Result<(), BoxDynError>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let mut returned = Vec::new();
        for rows in rows.chunks(SIZES[SIZES.len() - 1]) {
            let fits = SIZES.iter().position(|size| *size >= rows.len());
            let text = &self.texts[fits.unwrap_or(SIZES.len() - 1)];
            let mut arguments = SqliteArguments::default();
            rows.iter().try_for_each(|row| bind(row, &mut arguments)).map_err(sqlx::Error::Encode)?;
            returned.append(&mut sqlx::query_with(text.as_str(), arguments).fetch_all(&mut *conn).await?);
        }
        Ok(returned)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use sqlx::{Arguments as _, Connection, Row};
    use std::sync::LazyLock;

    static INSERT: LazyLock<Values> = LazyLock::new(|| {
        Values::new(2, |rows| {
            format!(
                "WITH new(id, word) AS ({rows}) INSERT INTO word SELECT * FROM new WHERE id IS NOT NULL RETURNING id"
            )
        })
    });

    #[tokio::test]
    async fn every_number_of_rows_is_written_whole_and_nothing_beside() {
        let mut conn = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::query("CREATE TABLE word (id INTEGER PRIMARY KEY, word TEXT) STRICT").execute(&mut conn).await.unwrap();
        for many in [0, 1, 2, 15, 16, 17, 127, 128, 129, 300_i64] {
            let rows: Vec<i64> = (1..=many).collect();
            let bind = |row: &i64, to: &mut SqliteArguments| {
                to.add(row)?;
                to.add((row % 3 > 0).then(|| format!("word {row}")))
            };
            let returned = INSERT.write(&mut conn, &rows, bind).await.unwrap();
            assert_eq!(returned.iter().map(|row| row.get::<i64, _>(0)).collect::<Vec<_>>(), rows);
            let kept = sqlx::query("DELETE FROM word RETURNING id, word").fetch_all(&mut conn).await.unwrap();
            let kept: Vec<(i64, Option<String>)> = kept.iter().map(|row| (row.get(0), row.get(1))).collect();
            let expected = rows.iter().map(|row| (*row, (row % 3 > 0).then(|| format!("word {row}"))));
            assert_eq!(kept, expected.collect::<Vec<_>>());
        }
    }
}
