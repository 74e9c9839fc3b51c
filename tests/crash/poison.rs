//! A job that kills its host again and again.
//!
//! No guest can do that, so the test does it for it: whenever only this job
//! runs, the host is killed.

use crate::support::project::Project;
use crate::support::wait::until;
use serde_json::{Value, json};

fn running(project: &Project) -> Vec<Value> {
    let page = project.json(&["job", "list", "--state", "running"]);
    page["items"].as_array().unwrap().iter().map(|job| job["id"].clone()).collect()
}

#[test]
fn it_is_lost_after_three_deaths_and_its_neighbours_are_not_charged() {
    let project = Project::with_odd();
    project.set("handler.odd.limits", "cpu = \"1h\"");
    let poison = project.add("odd", r#"{"do": "spin"}"#);
    let neighbours: Vec<i64> =
        (0..3).map(|n| project.add("odd", &format!(r#"{{"do": "work", "rounds": {n}}}"#))).collect();
    let beside = project.add("odd", r#"{"do": "sleep", "ms": 3000}"#);

    let host = project.serve();
    until("the poison and a neighbour run", || {
        let running = running(&project);
        (running.contains(&json!(poison)) && running.contains(&json!(beside))).then_some(())
    });
    host.kill().killed();
    for deaths in 0..3 {
        let job = project.job(poison);
        assert_eq!(json!([job["state"], job["wait"], job["attempt"]]), json!(["queued", "suspect", 0]));
        assert_eq!(project.sql("SELECT deaths FROM job WHERE id = 1"), [deaths]);
        let host = project.serve();
        until("only the poison runs, and whoever else could has run", || {
            let is_alone =
                running(&project) == [json!(poison)] && project.json(&["stats"])["waiting"]["ready"].is_null();
            is_alone.then_some(())
        });
        host.kill().killed();
    }
    let job = project.job(poison);
    assert_eq!(json!([job["state"], job["attempt"], job["max_attempts"]]), json!(["failed", 1, 5]));
    assert_eq!(
        job["error"],
        json!({
            "class": "lost",
            "message": "the host died 3 times while only this job was suspected of killing it",
        })
    );
    let outcomes: Vec<&Value> = job["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["outcome"]).collect();
    assert_eq!(outcomes, ["died", "died", "died", "lost"]);
    for id in neighbours.into_iter().chain([beside]) {
        let job = project.job(id);
        assert_eq!(json!([job["state"], job["attempt"], job["round"]]), json!(["completed", 1, 1]));
    }
    assert_eq!(project.sql("SELECT id FROM job WHERE deaths > 0 AND id <> 1"), [0; 0]);
    project.is_sound();
    assert_eq!(project.capstan(&["run"]).ok().out, "nothing to do\n");
}
