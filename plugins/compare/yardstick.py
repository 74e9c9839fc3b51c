"""Stores what trafilatura (pip install trafilatura) keeps of marked pages: FOLDER OUT -> OUT/genre/page.txt."""

import pathlib
import sys
from concurrent.futures import ProcessPoolExecutor

import trafilatura


def extract(job):
    page, out = job
    text = trafilatura.extract(page.read_text(errors="replace"), include_comments=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text or "")


def main():
    folder, out = map(pathlib.Path, sys.argv[1:3])
    pages = sorted(folder.glob("*/*.html"))
    with ProcessPoolExecutor() as pool:
        list(pool.map(extract, [(page, out / page.parent.name / f"{page.stem}.txt") for page in pages], chunksize=8))


if __name__ == "__main__":
    main()
