//! The handler of kind `research`, natively.
#![allow(clippy::unwrap_used)]

mod support;

use capstan_research::{Brief, FORMAT, Gathered, LIMIT, QUESTION, Research};
use capstan_sdk::testing::Bench;
use capstan_sdk::{Failure, Passage};
use serde_json::{Value, json};

use support::{BIRDS, bench, brief, library, passage, resolves};

const QUESTION_OF_BIRDS: &str = "How do swifts sleep, and what do they eat in winter?";

#[test]
fn each_finding_is_a_sentence_of_the_passage_that_it_cites() {
    let run = bench(QUESTION_OF_BIRDS).run().unwrap();
    let brief = brief(&run);
    assert_eq!(brief["method"], "extractive");
    let findings = brief["findings"].as_array().unwrap();
    assert!((4..=12).contains(&findings.len()), "{findings:#?}");
    findings.iter().for_each(|finding| resolves(&brief, finding, &library()));
    let sources = brief["sources"].as_array().unwrap();
    assert!(sources.len() >= 2, "{sources:#?}");
    let texts: Vec<&str> = findings.iter().map(|finding| finding["text"].as_str().unwrap()).collect();
    assert!(texts.contains(&"Swifts sleep in the air, with one half of the brain at a time."), "{texts:#?}");
    let count = |of: &str| brief[of].as_array().unwrap().len();
    assert_eq!(
        run.done().unwrap(),
        &json!({
            "method": "extractive", "findings": count("findings"), "sources": count("sources"),
            "open": count("open"), "searches": run.searches().len(),
        })
    );
}

#[test]
fn the_file_for_people_says_the_same_with_citations_that_resolve() {
    let run = bench(QUESTION_OF_BIRDS).run().unwrap();
    let (brief, file) = (brief(&run), run.text("brief.md").unwrap());
    assert!(file.starts_with(&format!("# {QUESTION_OF_BIRDS}\n\n## Findings\n\n### ")), "{file}");
    for finding in brief["findings"].as_array().unwrap() {
        let cite = &finding["cites"][0];
        let line =
            format!("- {} [{}:{}–{}]\n", finding["text"].as_str().unwrap(), cite["source"], cite["start"], cite["end"]);
        assert!(file.contains(&line), "{line}{file}");
    }
    for source in brief["sources"].as_array().unwrap() {
        let of = |key: &str| source[key].as_str().unwrap();
        let line =
            format!("\n{}. {}, {}, subject `{}`, bytes ", source["number"], of("title"), of("url"), of("subject"));
        assert!(file.contains(&line), "{line}{file}");
    }
    assert!(!file.contains("\n\n\n"), "{file}");
}

#[test]
fn nothing_is_taken_from_outside_the_scope() {
    let scope = json!({ "subjects": [BIRDS[1].0] });
    let run = bench(QUESTION_OF_BIRDS).payload(json!({ "question": QUESTION_OF_BIRDS, "scope": scope })).run().unwrap();
    let brief = brief(&run);
    assert_eq!(brief["scope"], json!({ "subjects": [BIRDS[1].0], "sources": [], "tags": [] }));
    let subjects: Vec<&Value> = brief["sources"].as_array().unwrap().iter().map(|source| &source["subject"]).collect();
    assert_eq!(subjects, [&json!(BIRDS[1].0)]);
    let elsewhere = json!({ "sources": ["https://elsewhere.example/"] });
    let run =
        bench(QUESTION_OF_BIRDS).payload(json!({ "question": QUESTION_OF_BIRDS, "scope": elsewhere })).run().unwrap();
    assert_eq!(run.done().unwrap()["findings"], 0);
}

#[test]
fn the_question_its_parts_and_what_was_found_are_searched_for() {
    let run = bench(QUESTION_OF_BIRDS).run().unwrap();
    let searches = run.searches();
    assert_eq!(searches[..3], [QUESTION_OF_BIRDS, "How do swifts sleep", "what do they eat in winter?"]);
    assert_eq!(searches.len(), 5);
    for follow_up in &searches[3..] {
        let added: Vec<&str> = follow_up.strip_prefix(QUESTION_OF_BIRDS).unwrap().split_whitespace().collect();
        assert_eq!(added.len(), 4, "{follow_up}");
        assert!(added.iter().all(|word| library().iter().any(|passage| passage.text.contains(word))), "{follow_up}");
    }
    assert_eq!(brief(&run)["searches"], json!(searches));
    let notes: Vec<&str> = run.progress().iter().map(|progress| &*progress.note).collect();
    assert_eq!(notes, ["1 of 5 searches", "2 of 5 searches", "3 of 5 searches", "4 of 5 searches", "5 of 5 searches"]);
}

#[test]
fn the_configuration_bounds_searches_passages_and_findings() {
    for (searches, most) in [(1, 1), (2, 3), (4, 50)] {
        let config = json!({ "searches": searches, "sentences": most, "passages": 3 });
        let run = bench(QUESTION_OF_BIRDS).config(config).run().unwrap();
        let brief = brief(&run);
        assert_eq!(run.searches().len(), searches);
        assert_eq!(brief["passages"], 3);
        assert!((1..=most).contains(&brief["findings"].as_array().unwrap().len()));
    }
    let payload = json!({ "question": QUESTION_OF_BIRDS, "sentences": 2 });
    let run = bench("").payload(payload).config(json!({ "sentences": 40 })).run().unwrap();
    assert_eq!(run.done().unwrap()["findings"], 2, "what the job says goes before what is configured");
}

#[test]
fn what_the_library_knows_nothing_of_is_open() {
    let question = "How do swifts sleep, and who painted the cathedral ceiling?";
    let brief = brief(&bench(question).run().unwrap());
    let open = brief["open"].as_array().unwrap();
    let of = |from: &str| -> Vec<&str> {
        open.iter().filter(|open| open["from"] == from).map(|open| open["text"].as_str().unwrap()).collect()
    };
    assert_eq!(of("question"), ["who painted the cathedral ceiling?"]);
    assert_eq!(of("word"), Vec::<&str>::new());
    let asked = open.iter().find(|open| open["from"] == "passage").unwrap();
    assert_eq!(asked["text"], "Why do young swifts never return to sleep in the nest?");
    resolves(&brief, asked, &library());
    let one_word = support::brief(&bench("How do swifts sleep under anaesthesia?").run().unwrap());
    assert!(
        one_word["open"].as_array().unwrap().contains(&json!({ "text": "anaesthesia", "from": "word", "cites": [] }))
    );
}

#[test]
fn a_library_that_says_nothing_makes_a_brief_that_says_so() {
    let run = bench("Who painted cathedrals?").library(Vec::new()).run().unwrap();
    let brief = brief(&run);
    assert_eq!((&brief["findings"], &brief["sources"], &brief["passages"]), (&json!([]), &json!([]), &json!(0)));
    assert_eq!(brief["open"], json!([{ "text": "Who painted cathedrals?", "from": "question", "cites": [] }]));
    assert_eq!(
        run.text("brief.md").unwrap(),
        "# Who painted cathedrals?\n\n## Findings\n\nNothing, in 0 passages of 1 searches.\n\n## Open questions\n\n\
         - Nothing was found about this: Who painted cathedrals?\n\n## Sources\n\nNone.\n"
    );
}

#[test]
fn code_and_scraps_are_no_findings() {
    let code = "let swifts = sleep(air);\nif (swifts.len() > 0) { return; }\nSwifts sleep.\nsleep\tswifts\n";
    let run = bench("How do swifts sleep?").library(vec![passage(BIRDS[0], 0, code)]).run().unwrap();
    let brief = brief(&run);
    assert_eq!((&brief["findings"], &brief["passages"]), (&json!([]), &json!(1)));
    assert_eq!(brief["open"][0]["text"], "How do swifts sleep?");
}

#[test]
fn an_attempt_goes_on_where_the_last_one_was_stopped() {
    let whole = bench(QUESTION_OF_BIRDS).run().unwrap();
    for done in 0..5 {
        let stopped = bench(QUESTION_OF_BIRDS).cancelled_after(done).run().unwrap();
        let failure = stopped.failure().unwrap();
        assert!(matches!(failure, Failure::Transient(_)), "{failure}");
        assert!(failure.to_string().contains(&format!("{done} of 5 searches are done")), "{failure}");
        let done = usize::try_from(done).unwrap();
        assert_eq!(stopped.searches(), &whole.searches()[..done]);
        let resumed = bench(QUESTION_OF_BIRDS).after(&stopped).run().unwrap();
        assert_eq!(resumed.searches(), &whole.searches()[done..], "what is known is not asked again");
        assert_eq!(resumed.text("brief.json"), whole.text("brief.json"));
        assert_eq!(resumed.text("brief.md"), whole.text("brief.md"));
    }
}

#[test]
fn a_checkpoint_of_another_question_or_form_is_not_used() {
    let whole = bench(QUESTION_OF_BIRDS).run().unwrap();
    let other = bench("What do ducks eat in winter?").after(&whole).run().unwrap();
    assert_eq!(other.searches()[0], "What do ducks eat in winter?");
    let payload = json!({ "question": QUESTION_OF_BIRDS, "scope": { "tags": ["x"] } });
    let other = bench("").payload(payload).after(&whole).run().unwrap();
    assert_eq!(other.searches().len(), whole.searches().len());
    let older = bench(QUESTION_OF_BIRDS).checkpoint("research/0", "{}").run().unwrap();
    assert_eq!(older.searches(), whole.searches());
    assert_eq!(older.checkpoint().unwrap().format, FORMAT);
}

#[test]
fn a_checkpoint_has_its_limit_and_the_best_passages() {
    // A control character is six bytes in JSON.
    let text = format!("Swifts sleep in the air above the sea. {}", "\u{1}".repeat(20_000));
    let large: Vec<Passage> = (0..30).map(|at| passage(BIRDS[0], at * 30_000, &text)).collect();
    let run = bench("How do swifts sleep?").library(large).run().unwrap();
    let bytes = &run.checkpoint().unwrap().bytes;
    assert!((LIMIT / 2..=LIMIT).contains(&bytes.len()), "{}", bytes.len());
    let gathered: Gathered = serde_json::from_slice(bytes).unwrap();
    let starts: Vec<u64> = gathered.passages.iter().map(|passage| passage.start / 30_000).collect();
    assert_eq!(starts, (0..starts.len() as u64).collect::<Vec<_>>());
    assert_eq!(run.done().unwrap()["findings"], 1);
}

#[test]
fn quotes_and_minus_do_not_narrow_a_search() {
    let run = bench("Do \"swifts sleep\" in -the air?").run().unwrap();
    assert_eq!(run.searches()[0], "Do swifts sleep in the air?");
}

#[test]
fn the_longest_question_is_answered_and_a_longer_one_refused() {
    let question = |bytes: usize| format!("How do swifts sleep {}?", "ö".repeat((bytes - 21) / 2));
    assert_eq!(question(QUESTION + 1).len(), QUESTION + 1);
    let run = bench(&question(QUESTION + 1)).run().unwrap();
    let refused = run.failure().unwrap().to_string();
    assert!(refused.contains("question has 501 bytes; ask in at most 500"), "{refused}");
    assert!(run.searches().is_empty());
    let longest = format!("{} ", question(QUESTION - 1));
    assert!(bench(&longest).run().unwrap().done().is_some());
}

#[test]
fn it_asks_for_the_library_and_can_do_without_a_model() {
    let asks = serde_json::to_value(Bench::<Research>::describe().unwrap().asks).unwrap();
    let optional = json!({ "http": ["POST *://*:*"], "secrets": ["chat"] });
    assert_eq!(asks, json!({ "imports": false, "artifacts": [], "retrieve": true, "optional": optional }));
}

#[test]
fn the_schema_of_briefs_is_as_published() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/brief.schema.json");
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Brief)).unwrap() + "\n";
    if std::env::var_os("CAPSTAN_RENEW").is_some() {
        std::fs::write(file, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), schema, "renew it with CAPSTAN_RENEW=1");
}
