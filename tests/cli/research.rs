//! Questions to the library, through the real binary.

use crate::crash::library::finish;
use crate::support::project::Project;
use serde_json::{Value, json};
use std::fs;

const QUESTION: &str = r#"{"question": "How is an anchor hauled? Who eats plants?"}"#;

const PAGES: [(&str, &str); 4] = [
    (
        "anchors",
        "An anchor is hauled by a capstan. Its pawls keep the chain from slipping back. Eight sailors push the bars.",
    ),
    ("ducks", "Ducks swim on ponds all day. They eat plants and small fish. Their feathers keep the water out."),
    ("tea", "Tea is made of leaves and hot water. Green tea wants cooler water than black tea does."),
    ("ships", "A ship drops its anchor in shallow water. The anchor is hauled up before the ship sails on."),
];

/// A library of four pages, each with a tag of its own name.
pub(super) fn library() -> Project {
    let project = Project::whole();
    let pages = project.beside().join("pages");
    fs::create_dir(&pages).unwrap();
    for (name, text) in PAGES {
        let page = format!(
            "<html lang=en><head><title>On {name}</title></head><body><article><h1>On {name}</h1><p>{text}</p></article></body></html>"
        );
        fs::write(pages.join(format!("{name}.html")), page).unwrap();
    }
    project.import(&pages);
    project.capstan(&["run"]).ok();
    project
}

/// What a research job wrote.
pub(super) fn brief(project: &Project, id: i64) -> Value {
    let subject = project.job(id)["subject"].as_str().unwrap().to_owned();
    let shown = project.json(&["artifact", "show", &subject, "--kind", "research"]);
    let paths: Vec<&str> = shown["artifacts"].as_array().unwrap().iter().map(|a| a["path"].as_str().unwrap()).collect();
    let path = paths.iter().find(|path| path.ends_with("brief.json")).unwrap();
    assert!(paths.iter().any(|path| path.ends_with("brief.md")), "{paths:?}");
    serde_json::from_slice(&fs::read(project.root().join(path)).unwrap()).unwrap()
}

fn cited(project: &Project, brief: &Value, cite: &Value) -> String {
    let source = &brief["sources"][usize::try_from(cite["source"].as_u64().unwrap()).unwrap() - 1];
    let shown = project.json(&["artifact", "show", source["subject"].as_str().unwrap(), "--kind", "normalise"]);
    let file = fs::read_to_string(project.root().join(shown["artifacts"][0]["path"].as_str().unwrap())).unwrap();
    let place = |name: &str| usize::try_from(cite[name].as_u64().unwrap()).unwrap();
    file[place("start")..place("end")].to_owned()
}

#[test]
fn a_brief_says_what_the_library_says_and_where() {
    let project = library();
    let id = project.add("research", QUESTION);
    project.capstan(&["run"]).ok();
    let brief = brief(&project, id);
    let findings = brief["findings"].as_array().unwrap();
    assert!(!findings.is_empty(), "{brief:#}");
    let texts: Vec<&str> = findings.iter().map(|finding| finding["text"].as_str().unwrap()).collect();
    assert!(texts.contains(&"An anchor is hauled by a capstan."), "{texts:?}");
    assert!(texts.contains(&"They eat plants and small fish."), "{texts:?}");
    for finding in findings {
        let (text, cites) = (finding["text"].as_str().unwrap(), finding["cites"].as_array().unwrap());
        assert!(!cites.is_empty(), "{finding}");
        for cite in cites {
            assert!(cited(&project, &brief, cite).contains(text), "{finding} is not where it says");
        }
    }
    let job = project.job(id);
    assert_eq!(job["result"]["method"], "extractive");
    assert_eq!(job["attempts"][0]["usage"]["retrievals"], job["result"]["searches"]);
    project.is_sound();
}

#[test]
fn a_scope_narrows_and_a_question_that_nothing_answers_stays_open() {
    let project = library();
    let tea = project.json(&["search", "tea"])["items"][0].clone();
    let narrow = json!({"question": "How is an anchor hauled?", "scope": {"subjects": [tea["subject"]]}});
    let (narrow, unknown) =
        (project.add("research", &narrow.to_string()), project.add("research", r#"{"question": "Zeppelins?"}"#));
    project.capstan(&["run"]).ok();
    for source in brief(&project, narrow)["sources"].as_array().unwrap() {
        assert_eq!(source["subject"], tea["subject"]);
    }
    // What is near in meaning is shown all the same; that nothing is about it is said.
    let brief = brief(&project, unknown);
    assert!(brief["open"].to_string().contains("Zeppelins"), "{brief}");
}

#[test]
fn a_host_that_is_killed_between_two_searches_makes_the_others_only() {
    let whole = library();
    let id = whole.add("research", QUESTION);
    let project = whole.copy();
    whole.capstan(&["run"]).ok();
    let searches = whole.job(id)["result"]["searches"].as_i64().unwrap();
    assert!(searches >= 3, "{searches}");
    let [_, after] = capstan::crash::CHECKPOINT_POINTS;
    project.capstan_with(capstan::crash::VARIABLE, &format!("{after}:2"), &["run"]).killed();
    finish(&project);
    let job = project.job(id);
    assert_eq!(json!([job["attempts"][0]["outcome"], job["attempts"][1]["outcome"]]), json!(["died", "done"]));
    assert_eq!(job["attempts"][1]["usage"]["retrievals"], searches - 2, "{job:#}");
    let findings = |project: &Project| brief(project, id)["findings"].clone();
    assert_eq!(findings(&project), findings(&whole));
    project.is_sound();
}
