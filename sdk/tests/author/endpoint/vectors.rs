//! Vectors: in order, in batches, and fit.

use capstan_sdk::endpoint::BATCH;
use capstan_sdk::testing::{Answer, Asked};
use serde_json::{Value, json};

use super::{embed, is_bad, logged, ok, run, sent, vectors};

#[test]
fn vectors_come_in_the_order_of_the_texts() {
    let rows = vectors(&[(2, json!([2, 0.5])), (0, json!([0, 0.5])), (1, json!([1, 0.5]))]);
    let (run, asked) = run(&embed(3, Some(2)), &json!({}), move |_| ok(&rows));
    assert_eq!(run.done(), Some(&json!([[0.0, 0.5], [1.0, 0.5], [2.0, 0.5]])));
    assert_eq!((run.tokens(), &*asked[0].url), (3, "http://127.0.0.1:11434/v1/embeddings"));
    assert_eq!(sent(&asked[0]), json!({ "model": "sage", "input": ["0", "1", "2"] }));
}

#[test]
fn many_texts_go_in_batches() {
    let echo = |asked: &Asked| {
        let texts = sent(asked)["input"].as_array().unwrap().clone();
        let number = |text: &Value| text.as_str().unwrap().parse::<f32>().unwrap();
        ok(&vectors(&texts.iter().map(|text| json!([number(text)])).enumerate().rev().collect::<Vec<_>>()))
    };
    let (run, asked) = run(&embed(2 * BATCH + 1, None), &json!({}), echo);
    let all: Vec<[f32; 1]> = (0..2 * BATCH + 1).map(|text| [text as f32]).collect();
    assert_eq!(run.done(), Some(&json!(all)));
    let sizes: Vec<usize> = asked.iter().map(|asked| sent(asked)["input"].as_array().unwrap().len()).collect();
    assert_eq!((sizes, run.tokens()), (vec![BATCH, BATCH, 1], 9));
}

#[test]
fn no_text_is_no_request() {
    let (run, asked) = run(&embed(0, None), &json!({}), |_| Ok(Answer::new(500)));
    assert_eq!((run.done(), asked.len()), (Some(&json!([])), 0));
}

#[test]
fn a_model_that_changes_its_dimension_between_batches_is_found_out() {
    let answer = |asked: &Asked| {
        let texts = sent(asked)["input"].as_array().unwrap().len();
        let row = if texts == BATCH { json!([1, 2]) } else { json!([1, 2, 3]) };
        ok(&vectors(&(0..texts).map(|index| (index, row.clone())).collect::<Vec<_>>()))
    };
    let (run, _) = run(&embed(BATCH + 1, None), &json!({}), answer);
    is_bad(&run, "vector 0 has 3 numbers where 2 are expected");
}

#[test]
fn what_are_no_vectors_of_these_texts_cannot_be_used() {
    let one = |row: Value| vectors(&[(0, row)]).to_string();
    let cases = [
        (one(json!([1, 2, 3])), "vector 0 has 3 numbers where 2 are expected"),
        (one(json!([])), "vector 0 is empty"),
        (vectors(&[]).to_string(), "it has 0 vectors for 1 texts"),
        (vectors(&[(0, json!([1, 2])), (1, json!([1, 2]))]).to_string(), "it has 2 vectors for 1 texts"),
        (vectors(&[(1, json!([1, 2]))]).to_string(), "1 is there twice or is none of them"),
        (one(json!([1, 2])).replace("[1,2]", "[1,NaN]"), "expected value"),
        (one(json!([1, 2])).replace("[1,2]", "[1,null]"), "invalid type: null"),
        // Whether `serde_json` or the SDK says it depends on the feature `float_roundtrip`, which others may turn on.
        (one(json!([1, 2])).replace("[1,2]", "[1,1e39]"), "number "),
        (one(json!([1, 2])).replace("[1,2]", "[1,-1e999]"), "number out of range"),
        (one(json!("AACAPw==")), "invalid type: string"),
        (json!({ "data": [{ "embedding": [1, 2] }] }).to_string(), "missing field `index`"),
        (json!({ "usage": { "total_tokens": 3 } }).to_string(), "missing field `data`"),
        ("[".to_owned(), "EOF while parsing"),
    ];
    for (body, words) in cases {
        let raw = body.clone();
        let (run, _) = run(&embed(1, Some(2)), &json!({}), move |_| Ok(Answer::new(200).body(body.as_str())));
        is_bad(&run, words);
        assert_eq!(logged(&run), raw);
    }
}
