//! The transformer beside the reference; only where its file lies.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use capstan_embed_transformer::Transformer;
use capstan_sdk::Failure;
use capstan_vectors::Embedder as _;

/// What PyTorch makes of the same weights; `reference.py` asks it.
const REFERENCE: &str = include_str!("reference.json");

/// How far a number may be from the reference's.
const TOLERANCE: f32 = 1e-4;

#[test]
fn vectors_are_those_of_the_reference() {
    let Some(folder) = std::env::var_os("CAPSTAN_MODELS").map(PathBuf::from) else {
        println!("not run: CAPSTAN_MODELS names no folder with all-MiniLM-L6-v2.safetensors");
        return;
    };
    let mut model = Transformer::read(&folder.join("all-MiniLM-L6-v2.safetensors")).unwrap();
    let rows: Vec<(String, Vec<f32>)> = serde_json::from_str(REFERENCE).unwrap();
    for (text, expected) in rows {
        let vector = model.embed(&text).unwrap().unwrap();
        let furthest = vector.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{text:.40}: {furthest:e}");
        assert!(vector.len() == expected.len() && furthest < TOLERANCE, "{text:.40}: {furthest}");
    }
    assert_eq!(model.embed("").unwrap(), None);
}

#[test]
fn a_file_that_is_no_model_fails_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    for bytes in [&b""[..], b"12345678", &[2, 0, 0, 0, 0, 0, 0, 0, b'{', b'}'], &[0xff; 64]] {
        std::fs::write(&path, bytes).unwrap();
        let failure = Transformer::read(&path).err();
        assert!(matches!(failure, Some(Failure::Permanent(_))), "{bytes:?}: {failure:?}");
    }
    assert!(matches!(Transformer::read(&folder.path().join("none")).err(), Some(Failure::Permanent(_))));
}
