//! The store against the model, after each operation.

use super::World;
use crate::store::model::{Job, Logged};
use capstan::rules::job::{State, Trust};
use capstan::rules::queue::QueueState;
use capstan::store::artifact::ArtifactFilter;
use std::collections::BTreeMap;

impl World {
    pub(super) async fn compare(&self) {
        let (stage, model) = (&self.stage, &self.model);
        stage.assert_sound().await;
        let rows = stage.rows().await;
        assert_eq!(rows.len(), model.jobs.len());
        for (row, job) in rows.iter().zip(&model.jobs) {
            let place = row.wait.clone().unwrap_or_else(|| row.state.to_string());
            let error = row.error.as_ref().map(|error| error.class);
            let got = (place.as_str(), row.attempt, row.round, row.run_at, error, row.source.as_str());
            let job_is =
                (job.place, job.running.attempt, job.round, job.run_at, job.error, job.new.about.source.as_str());
            assert_eq!(got, job_is, "job {}", row.id);
            assert_eq!(row.parent_id, job.new.parent.map(|(id, _)| id));
            assert_eq!((row.import_id, row.item), job.new.item.unzip());
            assert_eq!((row.priority, row.deadline_at, &row.key), (job.new.priority, job.new.deadline, &job.new.key));
            assert_eq!(row.queue, job.new.queue);
            let documents = stage.store.job_documents(row.id).await.unwrap().unwrap();
            assert_eq!(documents.0, job.new.payload);
        }
        for id in model.imports.keys() {
            let row = stage.store.import(*id).await.unwrap().unwrap();
            let got = (row.state, row.done, row.failed, row.cancelled, row.skipped, row.remaining, row.open_jobs);
            assert_eq!(got, model.account(*id), "import {id}");
        }
        let current = ArtifactFilter { limit: 1_000, ..ArtifactFilter::default() };
        let current: BTreeMap<(String, String), i64> = stage
            .store
            .artifacts(&current)
            .await
            .unwrap()
            .into_iter()
            .map(|row| ((row.source, row.kind), row.generation))
            .collect();
        let expected = model.current.iter().map(|(key, generation)| (key.clone(), generation.0)).collect();
        assert_eq!(current, expected);
        let log = stage.failures().await.into_iter().map(|failure| Logged {
            job: failure.job_id,
            round: failure.round,
            resolution: failure.resolution,
            detailed: failure.detailed,
        });
        assert_eq!(log.collect::<Vec<_>>(), model.log);
        self.compare_pulse().await;
    }

    async fn compare_pulse(&self) {
        let (pulse, model) = (*self.stage.store.pulse().borrow(), &self.model);
        let is_suspect = |job: &&Job| job.place == "running" && job.running.trust == Trust::Suspect;
        let running_suspects = model.jobs.iter().filter(is_suspect).count();
        assert!(running_suspects <= 1, "two suspects at once");
        let is_paused = |job: &&Job| {
            let rests = job.new.item.is_some_and(|(import, _)| model.rests(import));
            model.state_of_queue(&job.new.queue) != QueueState::Open || rests
        };
        let paused = model.jobs.iter().filter(|job| job.place == "ready").filter(is_paused).count() as u64;
        assert_eq!(pulse.paused, paused);
        // Those of a full queue are left out.
        assert!(pulse.ready <= model.count(&["ready"]) - paused + model.count(&["suspect"]).min(1));
        for name in ["a", "b"] {
            let (key, pace) = (model.key(name), self.stage.keys.of(name));
            let known = self.stage.store.key(&self.stage.keys, name, model.now).await.unwrap();
            let known = known.map_or((0, 0, 0), |key| (key.idle, key.running, key.waiting));
            assert_eq!(known, (key.idle, key.running, key.waiting), "key {name}");
            assert!(key.idle + key.running <= pace.limit, "{key:?}");
            let wakes = pulse.next_key.is_some_and(|at| at <= key.next_at.max(model.now));
            let waits = |job: &&Job| {
                let rests = job.new.item.is_some_and(|(import, _)| model.rests(import));
                job.place == "key" && job.new.key.as_deref() == Some(name) && !rests
            };
            let waiting = model.jobs.iter().filter(waits).count();
            assert!(waiting == 0 || key.idle + key.running > 0 || wakes, "nobody wakes {name}: {key:?} {pulse:?}");
        }
        let first =
            model.jobs.iter().filter(|job| job.state() == State::Queued).filter_map(|job| job.new.deadline).min();
        assert!(first.is_none_or(|first| pulse.next_deadline.is_some_and(|at| at <= first)));
        assert_eq!(pulse.running, model.count(&["running"]));
        assert_eq!(pulse.ended, model.count(&["completed", "failed", "cancelled"]));
        for job in model.jobs.iter().filter(|job| job.place == "subject") {
            let wakes = |other: &&Job| {
                matches!(other.place, "running" | "ready")
                    && (&other.new.about.source, &other.new.kind) == (&job.new.about.source, &job.new.kind)
            };
            assert!(model.jobs.iter().any(|other| wakes(&other)), "job {} waits for nobody", job.running.id);
        }
        let first = model.jobs.iter().filter(|job| job.place == "timer").map(|job| job.run_at).min();
        // It may ring for nothing, but never too late.
        assert!(first.is_none_or(|first| pulse.next_timer.is_some_and(|at| at <= first)));
    }

    /// At last every attempt is on record, once.
    pub(crate) async fn finish(self) {
        for job in &self.model.jobs {
            let attempts = self.stage.store.attempts(job.running.id).await.unwrap();
            assert_eq!(attempts.len(), job.attempts, "job {}", job.running.id);
            assert!(attempts.is_sorted_by(|a, b| a.lease < b.lease));
        }
        self.stage.store.close().await;
    }
}
