//! Taking handlers out of use: for a while, or for good.
//!
//! A disabled handler keeps its kinds: their jobs stay queued and none is claimed
//! until it is enabled or another handler takes the kinds over. A handler is removed
//! only when nothing needs it any more; what its attempts left on record stays.

use super::change::{ChangeError, Registry};
use super::records::Records;
use crate::handler::loaded::digest;
use crate::handler::{bundled, cache};
use crate::project::Project;
use crate::service::ServiceError;
use crate::store::handler::{HandlerRow, Standing};

impl Registry {
    /// Let nobody use a handler: jobs of its kinds stay queued. The digests that are
    /// disabled now.
    ///
    /// # Errors
    /// There is no such handler.
    pub async fn disable(&self, target: &str) -> Result<Vec<String>, ChangeError> {
        let _alone = self.handlers.changing.lock().await;
        let records = Records::read(self).await?;
        let found = records.find(target)?;
        let routed: Vec<&HandlerRow> =
            found.iter().copied().filter(|row| !records.kinds_of(&row.digest).is_empty()).collect();
        let digests: Vec<String> =
            if routed.is_empty() { found } else { routed }.iter().map(|row| row.digest.clone()).collect();
        for digest in &digests {
            self.store.stand(digest, Standing::Disabled).await?;
        }
        Ok(digests)
    }

    /// Let a handler be used again. The digests that are not disabled any more.
    ///
    /// # Errors
    /// There is no such handler.
    pub async fn enable(&self, target: &str) -> Result<Vec<String>, ChangeError> {
        let _alone = self.handlers.changing.lock().await;
        let records = Records::read(self).await?;
        let found = records.find(target)?;
        let digests: Vec<String> =
            found.iter().filter(|row| row.state == Standing::Disabled.name()).map(|row| row.digest.clone()).collect();
        for digest in &digests {
            let is_broken = self.handlers.broken(digest).is_some();
            self.store.stand(digest, if is_broken { Standing::Broken } else { Standing::Ready }).await?;
        }
        Ok(if digests.is_empty() { found.iter().map(|row| row.digest.clone()).collect() } else { digests })
    }

    /// Forget a handler that nothing uses, and delete its files. What its attempts
    /// left on record stays. The digest that is gone.
    ///
    /// # Errors
    /// Something uses it; then nothing was changed.
    pub async fn remove(&self, target: &str) -> Result<String, ChangeError> {
        let _alone = self.handlers.changing.lock().await;
        let records = Records::read(self).await?;
        let found = records.find(target)?;
        let [row] = found[..] else {
            let digests: Vec<&str> = found.iter().filter_map(|row| row.digest.get(..12)).collect();
            return Err(ChangeError::Used {
                name: target.to_owned(),
                why: format!("it has {} versions", found.len()),
                hint: format!("name one by its digest: {}", digests.join(", ")),
            });
        };
        self.unused(&records, row).await?;
        let running = self.store.remove_handler(&row.digest).await?;
        if !running.is_empty() {
            let jobs: Vec<String> = running.iter().map(ToString::to_string).collect();
            let (why, hint) = (format!("it runs jobs {}", jobs.join(", ")), "wait until they have ended".to_owned());
            return Err(ChangeError::Used { name: row.name.clone(), why, hint });
        }
        self.handlers.change(|table| table.forget(&row.digest));
        delete(&self.project, &row.digest)?;
        Ok(row.digest.clone())
    }

    /// Whether a handler may go.
    async fn unused(&self, records: &Records, row: &HandlerRow) -> Result<(), ChangeError> {
        let used = |why, hint| ChangeError::Used { name: row.name.clone(), why, hint };
        let kinds = records.kinds_of(&row.digest);
        if bundled::ALL.iter().any(|bundled| digest(bundled.wasm) == row.digest) {
            let hint = format!("`capstan handler disable {}` keeps it from being used", row.name);
            return Err(used("it comes with this version of capstan".to_owned(), hint));
        }
        if !kinds.is_empty() && row.state == Standing::Ready.name() {
            let hint = format!("replace it, or disable it first: `capstan handler disable {}`", row.name);
            return Err(used(format!("it does {}", kinds.join(", ")), hint));
        }
        let queued = self.store.queued().await?;
        if let Some((kind, jobs)) = kinds.iter().find_map(|kind| Some((kind, queued.get(kind)?))) {
            let hint = "cancel them, or let another handler do the kind".to_owned();
            return Err(used(format!("{jobs} jobs of kind {kind:?} wait for it"), hint));
        }
        Ok(())
    }
}

fn delete(project: &Project, digest: &str) -> Result<(), ServiceError> {
    let path = project.handlers().join(format!("{digest}.wasm"));
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(ServiceError::Io { doing: "remove", path, error });
        }
        _ => {}
    }
    cache::remove(&project.compiled(), digest).map_err(|error| ServiceError::Folder(error.to_string()))
}
