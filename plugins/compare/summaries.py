"""Makes documents with a human summary: FOLDER/genre/name.md and name.txt.

    python summaries.py FOLDER [--papers] [--rfcs CHECKOUT] [--peps CHECKOUT]

papers: body and abstract of the 250 papers of the package `aclsum` (MIT; the papers are CC BY 4.0).
rfcs: a checkout of Rust's RFCs (MIT or Apache-2.0); the section `Summary` and the rest.
peps: a checkout of Python's PEPs (public domain or CC0); the section `Abstract` and the rest.

The summary is taken out of the document, and so is the list of facts before the first heading. Documents with
fewer than 300 words and summaries with fewer than 15 are left out.
"""

import argparse
import importlib.util
import json
import pathlib
import re

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--papers", action="store_true")
parser.add_argument("--rfcs", type=pathlib.Path)
parser.add_argument("--peps", type=pathlib.Path)
arguments = parser.parse_args()


def keep(genre, name, document, summary):
    if len(document.split()) < 300 or len(summary.split()) < 15:
        return
    folder = arguments.folder / genre
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(document.strip() + "\n", encoding="utf-8")
    (folder / f"{name}.txt").write_text(summary.strip() + "\n", encoding="utf-8")


def escaped(text):
    return re.sub(r"([\\*_<`\[])", r"\\\1", text)


def papers():
    # Found without being imported: its own requirements are not needed.
    root = pathlib.Path(importlib.util.find_spec("aclsum").origin).parent
    for path in sorted(root.glob("dataset/paper_jsons/*.json")):
        paper = json.loads(path.read_text(encoding="utf-8"))
        parts, section = [f"# {escaped(paper['title'])}"], None
        for piece in paper["pdf_parse"]["body_text"]:
            if piece["section"] != section:
                section = piece["section"]
                parts.append(f"## {escaped(section)}")
            parts.append(escaped(piece["text"]))
        keep("papers", path.stem, "\n\n".join(parts), paper["abstract"] or "")


def split(markdown, title):
    """The section of that title, and the document without it, from its first heading on."""
    first = re.search(r"(?m)^#{1,2} ", markdown)
    markdown = markdown[first.start() :] if first else markdown
    found = re.search(rf"(?ims)^#{{1,2}} {title}\s*\n(.*?)(?=^#{{1,2}} |\Z)", markdown)
    if not found:
        return markdown, ""
    return markdown[: found.start()] + markdown[found.end() :], found[1]


def plain(markdown):
    markdown = re.sub(r"(?s)```.*?```|<!--.*?-->", " ", markdown)
    markdown = re.sub(r"(?m)^\[[^\]]+\]:.*$", " ", markdown)
    return re.sub(r"\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])?", r"\1", markdown)


def rfcs(checkout):
    for path in sorted(checkout.glob("text/*.md")):
        document, summary = split(path.read_text(encoding="utf-8"), "summary")
        title = path.stem.split("-", 1)[-1].replace("-", " ")
        keep("rfcs", path.stem, f"# {title}\n\n{document}", plain(summary))


def peps(checkout):
    for path in sorted(checkout.glob("peps/pep-*.rst")):
        head, _, text = path.read_text(encoding="utf-8").partition("\n\n")
        title = re.search(r"(?m)^Title: (.*)$", head)
        text = re.sub(r"(?m)^(?=\S)(.+)\n([=\-~^'\"*])\2{2,}$", lambda m: ("## " if m[2] == "=" else "### ") + m[1], text)
        text = re.sub(r"(?m)^\.\. .*(\n[ \t]+.*)*", "", text)
        text = re.sub(r":[\w:]+:`~?!?([^`<]+?)(\s*<[^`]*>)?`", r"\1", text)
        text = re.sub(r"`([^`<]+?)\s*<[^`]*>`_{0,2}", r"\1", text).replace("``", "`")
        document, summary = split(text, "abstract")
        document = re.split(r"(?m)^## (?:References|Footnotes|Copyright)\s*$", document)[0]
        keep("peps", path.stem, f"# {title[1] if title else ''}\n\n{document}", plain(summary))


if arguments.papers:
    papers()
if arguments.rfcs:
    rfcs(arguments.rfcs)
if arguments.peps:
    peps(arguments.peps)
