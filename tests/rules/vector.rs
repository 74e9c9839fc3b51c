//! Vectors as bytes, and the nearest of them.

use super::cases;
use capstan::rules::vector::{Near, Vectors, code};
use proptest::prelude::*;

fn vectors(rows: &[(i64, i64, Vec<f32>)]) -> Vectors {
    let mut vectors = Vectors::new(3);
    let documents: std::collections::BTreeSet<i64> = rows.iter().map(|row| row.0).collect();
    for document in documents {
        let of = rows.iter().filter(|row| row.0 == document);
        vectors.put(document, of.map(|(_, start, row)| (*start, code(row).unwrap())));
    }
    vectors
}

fn nearest(vectors: &Vectors, to: &[f32], most: usize) -> Vec<(i64, i64)> {
    vectors.nearest(to, most, |_| true).iter().map(|near| (near.document, near.start)).collect()
}

#[test]
fn the_nearest_is_the_one_that_points_the_same_way() {
    let vectors = vectors(&[(1, 0, vec![1.0, 0.0, 0.0]), (1, 9, vec![0.0, 5.0, 0.1]), (2, 0, vec![-1.0, 0.2, 0.0])]);
    assert_eq!(nearest(&vectors, &[0.0, 1.0, 0.0], 2), [(1, 9), (2, 0)]);
    let Near { score, .. } = vectors.nearest(&[0.0, 1.0, 0.0], 1, |_| true)[0];
    assert!((score - 0.9998).abs() < 0.01, "{score}");
    assert_eq!(vectors.nearest(&[0.0, 1.0, 0.0], 9, |document| document == 2).len(), 1);
}

#[test]
fn each_document_is_as_near_as_its_nearest_passage() {
    let vectors = vectors(&[(1, 0, vec![1.0, 0.0, 0.0]), (1, 9, vec![0.9, 0.1, 0.0]), (2, 4, vec![0.5, 0.5, 0.0])]);
    let near = vectors.nearest_of_each(&[1.0, 0.0, 0.0], 9, |_| true);
    assert_eq!(near.iter().map(|near| (near.document, near.start)).collect::<Vec<_>>(), [(1, 0), (2, 4)]);
}

#[test]
fn a_document_is_replaced_and_forgotten_as_a_whole() {
    let mut vectors = vectors(&[(1, 0, vec![1.0, 0.0, 0.0]), (1, 5, vec![1.0, 0.1, 0.0])]);
    vectors.put(1, [(7, code(&[0.0, 0.0, 1.0]).unwrap())]);
    assert_eq!(nearest(&vectors, &[1.0, 1.0, 1.0], 9), [(1, 7)]);
    vectors.remove(1);
    assert!(vectors.is_empty());
}

#[test]
fn what_has_no_direction_is_no_vector_and_another_dimension_finds_nothing() {
    assert_eq!(code(&[0.0, 0.0]), None);
    assert_eq!(code(&[f32::NAN, 1.0]), None);
    assert_eq!(code(&[f32::INFINITY, 1.0]), None);
    let vectors = vectors(&[(1, 0, vec![1.0, 0.0, 0.0])]);
    assert!(vectors.nearest(&[1.0, 0.0], 1, |_| true).is_empty());
    assert!(vectors.nearest(&[0.0, 0.0, 0.0], 1, |_| true).is_empty());
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn bytes_keep_the_cosine_within_a_hundredth(
        one in prop::collection::vec(-1.0_f32..1.0, 64), other in prop::collection::vec(-1.0_f32..1.0, 64),
    ) {
        let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
        prop_assume!(length(&one) > 0.1 && length(&other) > 0.1);
        let exact = one.iter().zip(&other).map(|(a, b)| a * b).sum::<f32>() / length(&one) / length(&other);
        let mut vectors = Vectors::new(64);
        vectors.put(1, [(0, code(&other).unwrap())]);
        let near = vectors.nearest(&one, 1, |_| true)[0];
        prop_assert!((near.score - exact).abs() < 0.01, "{} and {exact}", near.score);
    }
}
