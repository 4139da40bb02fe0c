#!/usr/bin/env python3
"""More text in many languages, from packages of Debian: messages of programs, manuals, descriptions of packages, dialogues of a game, dictionaries.

    tools/data/debian_texts.py packages                    names of the packages, for: cd PACKAGES && apt-get download $(tools/data/debian_texts.py packages)
    tools/data/debian_texts.py lists                       options for apt-get update: -o Dir::State::Lists=LISTS ... brings the descriptions' translations
    tools/data/debian_texts.py texts PACKAGES LISTS DATA OUT

OUT receives KIND.tsv (language, text, English where it stands beside it, package), KIND.txt (its texts, a line each), and KIND-english.txt (its English, each once). DATA is the
training data pack: a text that occurs in its eval/, case, white space and punctuation aside, is left out, and so is one that the English beside does. At most so many texts
of a language and kind are taken, in the order of a hash, so that the same packages give the same files.

| kind | packages of Debian 12 | licence |
|---|---|---|
| libreoffice | libreoffice-l10n-* 7.4.7 | MPL-2.0 |
| help | libreoffice-help-* 7.4.7; paragraphs with the same mark beside the English ones | MPL-2.0 |
| wesnoth | wesnoth-1.16-* | GPL-2.0-or-later |
| descriptions | indexes Translation-* of main | as the packages; descriptions of Debian packages, in the main GPL-2.0-or-later |
| guides | gnome-user-docs (CC BY-SA 3.0), installation-guide-amd64 (GPL-2.0), debian-reference-* (GPL-2.0-or-later) | |
| manuals | manpages-* (manpages-l10n) | as the pages: GPL, BSD, and others, all free |
| dictionaries | dict-freedict-* below 4 MB | GPL-2.0-or-later, CC BY-SA 3.0 |
| fortunes | fortunes, fortunes-* | as collected; the packages are free |
"""
import argparse
import gettext
import gzip
import hashlib
import html
import json
import re
import subprocess
import sys
import tarfile
import unicodedata
from collections import defaultdict
from pathlib import Path

LONGEST, SHORTEST = 400, 3
MOST = {
    "libreoffice": 6_000, "help": 6_000, "wesnoth": 8_000, "descriptions": 8_000, "guides": 4_000, "manuals": 4_000, "dictionaries": 2_500, "fortunes": 4_000,
}
"""Texts of a language; of a dictionary for dictionaries."""
PATTERNS = (
    r"libreoffice-(l10n|help)-(?!common$|in$|za$).*", r"manpages-(ja|cs|da|de|el|es|fi|fr|hu|id|it|mk|nb|nl|pl|pt-br|ro|ru|sr|sv|uk|vi|tr|zh)", r"dict-freedict-.*", r"wesnoth-1\.16-(data|core|[a-z]{1,5})",
    r"fortunes(-min|-bg|-br|-cs|-de|-eo|-es|-ga|-it|-pl|-ru|-zh)?", r"debian-reference-[a-z-]*", r"gnome-user-docs", r"installation-guide-amd64",
)
UNWANTED = r"wesnoth-1\.16-(music|tools|server)|dict-freedict-(eng-deu|deu-eng|jpn-eng|jpn-deu|hun-eng)|debian-reference-common"
LANGUAGES = "ar bg ca cs da de el en eo es eu fa fi fr gl hi hr hu id it ja km ko nl pl pt pt_BR ro ru sk sl sr sv tr uk vi zh_CN zh_TW".split()
ENGLISH = {"en", "en_US", "en-US", "en_GB", "en-GB", "en_ZA", "en-ZA", "eng"}


def folded(text: str) -> str:
    return "".join(character for character in text.casefold() if unicodedata.category(character)[0] in "LMN")


def evaluation_texts(data: Path) -> set[str]:
    """All that a file of eval/ says, folded."""
    found: set[str] = set()

    def add(value):
        if isinstance(value, str):
            found.add(folded(value))
        elif isinstance(value, (list, dict)):
            for part in value.values() if isinstance(value, dict) else value:
                add(part)

    for path in sorted((data / "eval").rglob("*")):
        if path.suffix in (".tsv", ".txt"):
            for line in path.read_text(encoding="utf-8").splitlines():
                for field in line.split("\t"):
                    add(field)
        elif path.suffix == ".jsonl":
            for line in path.read_text(encoding="utf-8").splitlines():
                add(json.loads(line))
    return found - {""}


def clean(text: str) -> str:
    return " ".join(text.split())


def usable(text: str) -> bool:
    """Words, not forms, code or leftovers of markup."""
    if not SHORTEST <= len(text) <= LONGEST or any(mark in text for mark in ("\\", "{", "<", "%1", "$(", "://", "|", "=")):
        return False
    letters = sum(unicodedata.category(character)[0] in "LM" for character in text)
    return letters >= 3 and letters >= 0.6 * len(text.replace(" ", ""))


def members(package: Path, pattern: str):
    """(path, bytes) of the files of a package whose path matches."""
    wanted = re.compile(pattern)
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                found = wanted.search(member.name)
                if member.isfile() and found:
                    yield found, archive.extractfile(member).read()
        process.stdout.read()


def unmarked(text: str) -> str:
    return clean(html.unescape(re.sub(r"<[^>]*>", "", text)))


def catalogue(data: bytes):
    """(English, translation) of a .mo file."""
    import io
    try:
        messages = gettext.GNUTranslations(io.BytesIO(data))._catalog
    except (OSError, UnicodeDecodeError, ValueError):
        return
    for key, text in messages.items():
        if isinstance(key, str) and key and isinstance(text, str):
            yield key.split("\x04")[-1], text


def libreoffice(packages: Path):
    for package in sorted(packages.glob("libreoffice-l10n-*.deb")):
        for found, data in members(package, r"resource/([^/]+)/LC_MESSAGES/.*\.mo$"):
            for english, text in catalogue(data):
                # Letters that stand for keys.
                yield found[1], clean(re.sub(r"[~_]", "", text)), clean(re.sub(r"[~_]", "", english)), package


def paragraphs(package: Path):
    for found, data in members(package, r"help/([^/]+)/text/(.*)\.html$"):
        for identity, text in re.findall(r'<p id="(par_id[^"]*)"[^>]*>(.*?)</p>', data.decode("utf-8", "replace"), re.S):
            yield found[1], (found[2], identity), unmarked(text)


def help_pages(packages: Path):
    english = {}
    for package in sorted(packages.glob("libreoffice-help-en-us_*.deb")):
        english = {identity: text for _, identity, text in paragraphs(package)}
    for package in sorted(packages.glob("libreoffice-help-*.deb")):
        for language, identity, text in paragraphs(package):
            beside = english.get(identity, "")
            if language not in ENGLISH and text != beside:
                yield language, text, beside, package
            elif language in ENGLISH:
                yield language, text, "", package


def wesnoth(packages: Path):
    for package in sorted(packages.glob("wesnoth-1.16-*.deb")):
        for found, data in members(package, r"locale/([^/]+)/LC_MESSAGES/.*\.mo$"):
            for english, text in catalogue(data):
                english, text = (re.sub(r"^[^^]*\^", "", unmarked(side)) for side in (english, text))
                for part in sentences(english, text):
                    yield found[1], *part, package


def sentences(english: str, text: str):
    """Long messages by sentences, where both sides have as many."""
    here, there = (re.split(r"(?<=[.!?。！？])\s+", side) for side in (english, text))
    if len(here) == len(there) and len(text) > 80:
        yield from zip(there, here)
    else:
        yield text, english


def descriptions(lists: Path):
    english: dict[tuple[str, str], list[str]] = {}

    def read(path: Path, language: str):
        with subprocess.Popen(["/usr/lib/apt/apt-helper", "cat-file", path], stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
            for entry in process.stdout.read().split("\n\n"):
                head = re.match(r"Package: (\S+)\nDescription-md5: (\S+)\nDescription-\S+: (.*)", entry, re.S)
                if head:
                    first, _, rest = head[3].partition("\n")
                    rest = re.sub(r"\n \s+[^\n]*", "", f"\n{rest}")
                    yield head[1], head[2], [clean(part) for part in (first, *re.split(r"\n \.(?:\n|$)", rest)) if clean(part)]

    # English has one for each archive; the largest is main's.
    paths = {re.search(r"Translation-(\S+?)(\.\w+)?$", path.name)[1].replace("%5f", "_"): path for path in sorted(lists.glob("*Translation-*"), key=lambda path: path.stat().st_size)}
    for name, key, parts in read(paths["en"], "en"):
        english[name, key] = parts
        for part in parts:
            yield "en", part, "", paths["en"]
    for language, path in sorted(paths.items()):
        if language == "en":
            continue
        for name, key, parts in read(path, language):
            beside = english.get((name, key), [])
            for part, original in zip(parts, beside if len(beside) == len(parts) else [""] * len(parts)):
                if part != original:
                    yield language, part, original, path


def guides(packages: Path):
    for package in sorted([*packages.glob("gnome-user-docs_*.deb"), *packages.glob("installation-guide-amd64_*.deb"), *packages.glob("debian-reference-*.deb")]):
        reference = re.match(r"debian-reference-([a-z-]+)_", package.name)
        for found, data in members(package, r"(?:help|installation-guide-amd64)/([^/]+)/.*\.(?:page|html)$|debian-reference/[^/]*\.html$"):
            language = reference[1] if reference else found[1]
            for text in re.findall(r"<p(?:\s[^>]*)?>(.*?)</p>", data.decode("utf-8", "replace"), re.S):
                yield language, unmarked(text), "", package


def manuals(packages: Path):
    for package in sorted(packages.glob("manpages-*.deb")):
        for found, data in members(package, r"share/man/([^/]+)/man\d/[^/]*\.gz$"):
            try:
                page = gzip.decompress(data).decode("utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            page = re.sub(r"\\f(\[[^]]*\]|.)|\\&|\\/|\\,", "", page).replace("\\-", "-").replace("\\(aq", "'")
            for text in re.split(r"\n(?:\.[^\n]*\n)+", page):
                yield found[1], clean(text), "", package


def dictionaries(packages: Path):
    digits = {character: value for value, character in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")}

    def number(text: str) -> int:
        value = 0
        for character in text:
            value = 64 * value + digits[character]
        return value

    for package in sorted(packages.glob("dict-freedict-*.deb")):
        source, target = re.match(r"dict-freedict-(\w+)-(\w+)_", package.name).groups()
        files = {found[1]: data for found, data in members(package, r"\.(index|dict\.dz)$")}
        if len(files) != 2:
            continue
        body = gzip.decompress(files["dict.dz"])
        for line in files["index"].decode("utf-8", "replace").splitlines():
            fields = line.split("\t")
            if len(fields) != 3 or fields[0].startswith("00-"):
                continue
            start = number(fields[1])
            entry = body[start : start + number(fields[2])].decode("utf-8", "replace").splitlines()
            told = [re.sub(r"^\d+\.\s*", "", part).strip() for part in entry[1:]]
            told = [part for part in told if part and not re.match(r'[\[(<"]|(?i:see|synonym|note)', part)]
            meaning = re.sub(r"\s*[\[(<].*?[\])>]", "", told[0]).split(";")[0].strip() if told else ""
            if target == "eng":
                yield source, fields[0], meaning if usable(meaning) else "", package
            elif source == "eng":
                if meaning:
                    yield target, meaning, fields[0], package
            else:
                yield source, fields[0], "", package


def fortunes(packages: Path):
    for package in sorted(packages.glob("fortunes*.deb")):
        language = (re.match(r"fortunes-([a-z]{2})_", package.name) or ["", "en"])[1]
        for _, data in members(package, r"games/fortunes/(?!.*\.(dat|u8)$).*"):
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:
                continue
            for part in text.split("\n%\n"):
                yield language, clean(re.sub(r"\n\s*--.*", "", part, flags=re.S)), "", package


def write_kind(kind: str, found, evaluation: set[str], out: Path) -> None:
    by_language: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for language, text, english, package in found:
        text, english = clean(text)[:LONGEST], clean(english)
        if text == english:
            continue
        if usable(text) and (folded(text) not in evaluation and folded(english) not in evaluation):
            key = (language, package.stem) if kind == "dictionaries" else language
            by_language[key].setdefault(text, (english if usable(english) else "", package.stem.split("_")[0]))
    rows = []
    for language, texts in by_language.items():
        chosen = sorted(texts.items(), key=lambda item: hashlib.sha1(item[0].encode()).digest())[: MOST[kind]]
        rows += [(language if isinstance(language, str) else language[0], text, *rest) for text, rest in chosen]
    once = {row[1]: row for row in reversed(rows)}
    rows = sorted(once.values(), key=lambda row: hashlib.sha1("\t".join(row[:2]).encode()).digest())
    (out / f"{kind}.tsv").write_text("".join("\t".join(row) + "\n" for row in [("lang", "text", "english", "package"), *rows]), encoding="utf-8")
    (out / f"{kind}.txt").write_text("".join(f"{row[1]}\n" for row in rows), encoding="utf-8")
    english = dict.fromkeys(row[2] for row in rows if row[2])
    if english:
        (out / f"{kind}-english.txt").write_text("".join(f"{text}\n" for text in english), encoding="utf-8")
    print(f"{kind}: {len(rows):,} texts, {len({row[0] for row in rows})} languages, {sum(bool(row[2]) for row in rows):,} beside {len(english):,} English ones, "
          f"{sum(len(row[1]) for row in rows) / max(1, len(rows)):.0f} characters in the mean", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("packages")
    commands.add_parser("lists")
    command = commands.add_parser("texts")
    for name in ("packages", "lists", "data", "out"):
        command.add_argument(name, type=Path)
    command.add_argument("--kinds", nargs="+", choices=list(MOST), default=list(MOST))
    arguments = parser.parse_args()
    if arguments.command == "packages":
        names = subprocess.run(["apt-cache", "pkgnames"], check=True, capture_output=True, text=True).stdout.split()
        wanted = re.compile("|".join(PATTERNS))
        print("\n".join(sorted(name for name in names if wanted.fullmatch(name) and not re.fullmatch(UNWANTED, name))))
        return
    if arguments.command == "lists":
        print("-o Acquire::Languages=" + ",".join(LANGUAGES))
        return
    evaluation = evaluation_texts(arguments.data)
    print(f"{len(evaluation):,} texts of evaluations are left out")
    kinds = {
        "libreoffice": libreoffice, "help": help_pages, "wesnoth": wesnoth, "guides": guides, "manuals": manuals, "dictionaries": dictionaries, "fortunes": fortunes,
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    for kind in arguments.kinds:
        found = descriptions(arguments.lists) if kind == "descriptions" else kinds[kind](arguments.packages)
        write_kind(kind, found, evaluation, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
