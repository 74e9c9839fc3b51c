//! Lines behind a subject: of one subject and kind, one job runs at a time.

use super::StoreError;
use super::batch::{Batch, json, parse};
use crate::rules::queue::Lane;
use sqlx::Row;

pub(super) const PARK: &str = "UPDATE job SET wait = 'subject' WHERE id IN (SELECT value FROM jsonb_each($1))";

/// Park ready jobs whose subject is busy; the end of what keeps it wakes them. Those
/// that have a key keep the place that it gave them.
pub(super) async fn park(batch: &mut Batch<'_>, jobs: &[i64]) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    sqlx::query(PARK).bind(json(&jobs)?).execute(&mut *batch.conn).await?;
    batch.view.behind_subject += jobs.len() as u64;
    Ok(())
}

pub(super) const RELEASE: &str = "UPDATE job SET wait = 'ready' WHERE id IN (
        SELECT (SELECT id FROM job WHERE wait = 'subject' AND subject = free.value->>0 AND kind = free.value->>1
                ORDER BY id LIMIT 1)
        FROM jsonb_each($1) AS free
        WHERE NOT EXISTS (SELECT 1 FROM job AS other WHERE other.subject = free.value->>0
                          AND other.kind = free.value->>1 AND other.state = 'running'))
    RETURNING json_array(queue, kind, coalesce(import_id, 0), priority)";

/// Wake jobs that waited for the subjects that are free now: subject and kind.
pub(super) async fn release(batch: &mut Batch<'_>, free: &[(&str, &str)]) -> Result<(), StoreError> {
    if batch.view.behind_subject == 0 || free.is_empty() {
        return Ok(());
    }
    let woken = sqlx::query(RELEASE).bind(json(&free)?).fetch_all(&mut *batch.conn).await?;
    for row in &woken {
        let (queue, kind, import, priority): (String, String, i64, i64) = parse(row.try_get(0)?)?;
        let now = batch.now();
        batch.view.made_ready(Lane { queue: queue.into(), kind: kind.into(), import, priority }, now);
        batch.view.behind_subject -= 1;
    }
    Ok(())
}
