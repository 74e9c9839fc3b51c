"""Makes `languages.tsv` from the translations that Django ships: `python3 languages.py FOLDER-OF-DJANGO > languages.tsv`.

Only messages without placeholders and marks. A message is a short text; other messages in a row, of which the English
ones have 450 letters at least, are a long one. Which half a text is in follows from the English message, so translations of
one message are never in both halves.
"""

import gettext
import hashlib
import sys
from pathlib import Path

LANGUAGES = (
    "en de fr es it pt nl sv da nb fi pl cs ru uk bg el tr hu ro ar fa he hi ja ko zh_Hans vi id th".split()
)
SHORT, LONG, LETTERS = 6, 3, 450


def catalogue(root: Path, language: str) -> dict[str, str]:
    messages = {}
    for path in sorted(root.glob(f"**/locale/{language}/LC_MESSAGES/django.mo")):
        with path.open("rb") as file:
            for key, text in gettext.GNUTranslations(file)._catalog.items():
                if isinstance(key, str):
                    messages.setdefault(key, text)
    return messages


def fits(key: str) -> bool:
    return 25 <= len(key) <= 400 and not any(mark in key for mark in "%{}<>|\x04_") and " " in key.strip()


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def half(key: str) -> str:
    return "dh"[int(digest(key)[:8], 16) % 2]


def texts(messages: dict[str, str], wanted: str) -> list[tuple[str, str]]:
    """Six short texts and three long ones of a half, of messages that the language has."""
    keys = [key for key in messages if fits(key) and half(key) == wanted]
    keys.sort(key=digest)
    made = [("short", messages[key]) for key in keys[:SHORT]]
    rest = keys[SHORT:]
    for _ in range(LONG):
        run: list[str] = []
        while rest and sum(map(len, run)) < LETTERS:
            run.append(rest.pop())
        if sum(map(len, run)) >= LETTERS:
            made.append(("long", " ".join(messages[key] for key in run)))
    return made


def main() -> None:
    root = Path(sys.argv[1])
    german = catalogue(root, "de")
    print("# language, half (d: for choosing, h: held out), length, text")
    for language in LANGUAGES:
        found = {key: key for key in german} if language == "en" else catalogue(root, language)
        messages = {key: text for key, text in found.items() if text and (language == "en" or text != key)}
        for wanted in "dh":
            for size, text in texts(messages, wanted):
                line = " ".join(text.replace("\xad", "").split())
                print(language.replace("zh_Hans", "zh"), wanted, size, line, sep="\t")


main()
