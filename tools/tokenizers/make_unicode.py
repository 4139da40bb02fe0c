"""Writes Sources/Tokenizers/Unicode/UnicodeTables.swift: which characters the library `tokenizers` takes for what.

Its parts know different versions of Unicode, so every character is put through the library itself.

    make_unicode.py            says whether the committed file is what the installed library gives
    make_unicode.py --write    writes it
"""

import argparse
import base64
import ctypes
import json
import struct
import sys
import unicodedata
from pathlib import Path

import tokenizers
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

TARGET = Path(__file__).parents[2] / "Sources/Tokenizers/Unicode/UnicodeTables.swift"
CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
WIDTH = 110
# Characters that Oniguruma 6.9.8 knows, of a general category and a length in UTF-8. Han is one, too: patterns ask for it.
SUBSTITUTES = {("Lo", 3): 0x0E01, ("Lo", 4): 0x10380, ("Han", 3): 0x4E00, ("Han", 4): 0x20000, ("So", 3): 0x2426,
               ("So", 4): 0x1D000, ("Nd", 4): 0x104A0, ("No", 4): 0x10107, ("Mn", 3): 0x0900, ("Mn", 4): 0x101FD,
               ("Mc", 3): 0x0903, ("Mc", 4): 0x1D165, ("Lm", 4): 0x16B40, ("Po", 3): 0x104A, ("Po", 4): 0x10100,
               ("Ll", 3): 0x1D00, ("Ll", 4): 0x1D44E, ("Lu", 3): 0xA722, ("Lu", 4): 0x1D400, ("Cf", 4): 0x13430}


def ranges(chosen: list[str]) -> str:
    """Gaps and lengths in turn, hexadecimal."""
    numbers, last = [], 0
    codes = [ord(character) for character in chosen]
    start = 0
    for index in range(1, len(codes) + 1):
        if index == len(codes) or codes[index] != codes[index - 1] + 1:
            numbers += [codes[start] - last, codes[index - 1] + 1 - codes[start]]
            last, start = codes[index - 1] + 1, index
    return " ".join(f"{number:x}" for number in numbers)


def precompiled(key: bytes, value: str) -> normalizers.Normalizer:
    """A charsmap of one entry."""
    units = [0] * 0x1000
    position, base = 0, 0x100
    units[0] = base << 10
    position ^= base
    for index, byte in enumerate(key):
        position ^= byte
        following = 0x100 * (index + 2)
        offset = position ^ following
        units[position] = offset << 10 | byte | (0x100 if index == len(key) - 1 else 0)
        position = following
    units[position] = 0x80000000
    blob = struct.pack(f"<I{len(units)}I", 4 * len(units), *units) + value.encode() + b"\0"
    model = {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]], "byte_fallback": False}
    charsmap = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(blob).decode()}
    return Tokenizer.from_str(json.dumps({"version": "1.0", "added_tokens": [], "normalizer": charsmap, "model": model,
                                          "truncation": None, "padding": None, "pre_tokenizer": None,
                                          "post_processor": None, "decoder": None})).normalizer


def seconds() -> set[str]:
    """What the library composes with a character before it."""
    nfd = normalizers.NFD().normalize_str
    result = {chr(code) for code in [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]}
    for character in CHARACTERS:
        decomposition = unicodedata.decomposition(character)
        if not decomposition.startswith("<") and " " in decomposition and nfd(character) != character:
            result.add(chr(int(decomposition.split()[-1], 16)))
    return result


def sets() -> dict[str, tuple[str, list[str]]]:
    clean = normalizers.BertNormalizer(True, False, False, False).normalize_str
    marks = normalizers.BertNormalizer(False, False, True, False).normalize_str
    accents = normalizers.StripAccents().normalize_str
    punctuation = pre_tokenizers.Punctuation().pre_tokenize_str
    digits = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str
    words = pre_tokenizers.Whitespace().pre_tokenize_str
    spaces = pre_tokenizers.WhitespaceSplit().pre_tokenize_str
    forms = [form().normalize_str for form in (normalizers.NFD, normalizers.NFKD, normalizers.NFC, normalizers.NFKC)]
    nfd, composed = forms[0], seconds()

    letter = precompiled(b"a", "X").normalize_str
    acute = precompiled("\u0301".encode(), "Y").normalize_str
    copyright_sign = precompiled("\u00a9".encode(), "X").normalize_str

    def is_active(c: str) -> bool:
        return (c in composed or any(form(c) != c for form in forms)
                or nfd("\u0301" + c) != "\u0301" + c or nfd(c + "\u0334") != c + "\u0334")

    return {
        "dropped": ("What `clean_text` drops.", [c for c in CHARACTERS if clean(c) == ""]),
        "nonspacingMarks": ("General category Mn.", [c for c in CHARACTERS if marks(c) == ""]),
        "combiningMarks": ("General category M.", [c for c in CHARACTERS if accents(c) == ""]),
        "punctuation": ("General category P, and what ASCII calls so.",
                        [c for c in CHARACTERS if len(punctuation("a" + c)) == 2]),
        "numbers": ("General category N.", [c for c in CHARACTERS if len(digits("a" + c)) == 2]),
        "words": (r"`\w`.", [c for c in CHARACTERS if [piece for piece, _ in words("a" + c)] == ["a" + c]]),
        "spaces": ("White_Space.", [c for c in CHARACTERS if len(spaces("a" + c + "b")) == 2]),
        "active": ("What normalisation forms may change, move, or join to what is before it.",
                   [c for c in CHARACTERS if is_active(c)]),
        "extending": ("What does not begin a grapheme cluster.",
                      [c for c in CHARACTERS if letter("a" + c) == "X" and c != "a"]),
        "prepended": ("What does not end a grapheme cluster.",
                      [c for c in CHARACTERS if letter(c + "a\u0301").endswith("\u0301")]),
        "controls": ("What is a grapheme cluster of its own.",
                     [c for c in CHARACTERS if not acute(c + "\u0301\u0302").endswith("\u0302")]),
        "pictographs": ("Extended_Pictographic.",
                        [c for c in CHARACTERS if copyright_sign(c + "\u200d\u00a9\ufe0f").endswith("\ufe0f")]),
    }


def unknown_to_oniguruma() -> set[str]:
    """What the installed Oniguruma has no general category for."""
    library = ctypes.CDLL("libonig.so.5")
    library.onig_version.restype = ctypes.c_char_p
    assert library.onig_version() == b"6.9.8", "the substitutes are those for Debian 12's version"
    syntax = ctypes.c_void_p.in_dll(library, "OnigDefaultSyntax")
    encoding = ctypes.addressof(ctypes.c_char.in_dll(library, "OnigEncodingUTF8"))
    regex, info, pattern = ctypes.c_void_p(), ctypes.create_string_buffer(64), rb"\p{Cn}"
    start = ctypes.create_string_buffer(pattern, len(pattern))
    at = ctypes.addressof(start)
    status = library.onig_new(ctypes.byref(regex), ctypes.c_void_p(at), ctypes.c_void_p(at + len(pattern)), 0,
                              ctypes.c_void_p(encoding), syntax, info)
    assert status == 0
    result = set()
    for character in CHARACTERS:
        text = ctypes.create_string_buffer(character.encode())
        at = ctypes.addressof(text)
        end = ctypes.c_void_p(at + len(character.encode()))
        if library.onig_match(regex, ctypes.c_void_p(at), end, ctypes.c_void_p(at), None, 0) > 0:
            result.add(character)
    return result


def matching(pattern: str) -> set[str]:
    """What a pattern matches in the library."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    others = {character for piece, _ in split.pre_tokenize_str("".join(CHARACTERS)) for character in piece}
    return set(CHARACTERS) - others


def substitutes() -> str:
    """Gap, length, substitute: for what Oniguruma 6.9.8 does not know, and the library's own does."""
    new = sorted(unknown_to_oniguruma() - matching(r"\p{Cn}"))
    kinds = {name: matching(rf"\p{{{name}}}") for name in ("Han", "Lo", "Lu", "Ll", "Lm", "Mn", "Mc", "Nd", "No", "Po", "So", "Cf")}
    kinds["Po"] |= matching(r"\p{P}")
    kinds["So"] |= matching(r"\p{S}")
    found = []
    for character in new:
        kind = next(name for name, members in kinds.items() if character in members)
        substitute = SUBSTITUTES[kind, len(character.encode())]
        if found and found[-1][1] == ord(character) and found[-1][2] == substitute:
            found[-1][1] += 1
        else:
            found.append([ord(character), ord(character) + 1, substitute])
    numbers, last = [], 0
    for start, end, substitute in found:
        numbers += [start - last, end - start, substitute]
        last = end
    return " ".join(f"{number:x}" for number in numbers)


def without_substitutes(numbers: str) -> str:
    words = numbers.split()
    return " ".join(word for index, word in enumerate(words) if index % 3 != 2)


def lowercase() -> str:
    """Groups of: gap, number of characters, their distance, what is added (negative with a minus)."""
    lower = normalizers.Lowercase().normalize_str
    pairs = [(ord(c), ord(lower(c))) for c in CHARACTERS if len(lower(c)) == 1 and lower(c) != c]
    longer = [c for c in CHARACTERS if len(lower(c)) != 1]
    assert longer == ["\u0130"] and lower("\u0130") == "i\u0307"
    groups: list[list[int]] = []
    for code, small in pairs:
        if groups:
            first, count, step, delta = groups[-1]
            if small - code == delta:
                if count == 1 and code - first in (1, 2):
                    groups[-1] = [first, 2, code - first, delta]
                    continue
                if count > 1 and code == first + count * step:
                    groups[-1][1] += 1
                    continue
        groups.append([code, 1, 1, small - code])
    numbers, last = [], 0
    for first, count, step, delta in groups:
        numbers += [first - last, count, step, delta]
        last = first
    return " ".join(f"{number:x}" for number in numbers)


def table(name: str, comment: str, numbers: str) -> str:
    lines, line = [], ""
    for number in numbers.split():
        if len(line) + len(number) + 1 > WIDTH:
            lines.append(line)
            line = ""
        line += (" " if line else "") + number
    lines.append(line)
    text = " \\\n".join(f"        {line}" for line in lines)
    return f'    /// {comment}\n    static let {name}: StaticString = """\n{text}\n        """\n'


def source() -> str:
    parts = [table(name, comment, ranges(chosen)) for name, (comment, chosen) in sets().items()]
    parts.append(table("lowercase", "Of other characters than U+0130: gap to the first, how many, how far apart, and what is added.",
                       lowercase()))
    newer = substitutes()
    parts.append(table("substituted", "What Oniguruma 6.9.8 does not know.", without_substitutes(newer)))
    parts.append(table("substitutes", "The same, each with an older character of its kind and length.", newer))
    return (f"// Written by tools/tokenizers/make_unicode.py from tokenizers {tokenizers.__version__}.\n\n"
            "/// Characters as the library `tokenizers` knows them: its parts know different versions of Unicode. Sets are gaps and lengths in\n"
            "/// turn, hexadecimal.\nenum UnicodeTables {\n" + "\n".join(parts) + "}\n")


def main() -> bool:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the file")
    options = parser.parse_args()
    text = source()
    if options.write:
        TARGET.parent.mkdir(parents=True, exist_ok=True)
        TARGET.write_text(text)
        return True
    same = TARGET.read_text() == text
    print("the tables are those of the library" if same else f"{TARGET} is not what the library gives")
    return same


if __name__ == "__main__":
    sys.exit(not main())
