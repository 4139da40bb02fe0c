#!/usr/bin/env python3
"""Synthetic speech for castor-small, by espeak-ng and flite (Debian packages): short sentences of many languages, what stamps are called in some, and numbers.

    tools/data/speech.py DATA OUT [--clips 4000]

OUT receives WAV files and manifest.jsonl: file, locale, text, english, kind (sentence, stamp or number). Voice, speed and pitch vary with the clip; every third sounds as
if it came by telephone, and two of three numbers. Every second number is by flite, whose voices are made of recordings, and numbers pass a change of rate, which moves pitch and
formants as another throat does. Danish, Dutch and Lithuanian are left out: they measure what the model makes of languages that it never heard.
"""
import argparse
import hashlib
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from text_sources import clean, rows, stamps

VOICES = {
    "eng": "en-us", "deu": "de", "fra": "fr-fr", "spa": "es", "ita": "it", "por": "pt", "rus": "ru", "pol": "pl", "ces": "cs", "swe": "sv",
    "fin": "fi", "hun": "hu", "ron": "ro", "bul": "bg", "cat": "ca", "ell": "el", "bel": "be", "tur": "tr", "epo": "eo", "hin": "hi",
    "ukr": "uk", "est": "et", "lav": "lv", "isl": "is", "ind": "id",
}
"""ISO 639-3 code of the pairs, and espeak-ng's voice."""
ENGLISH = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan")
VARIANTS = ("", "+f2", "+f4", "+m3", "+m7", "+klatt2", "+f5", "+m1")
NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
           "eighteen nineteen twenty thirty forty fifty hundred thousand").split()
SPEAKERS = VARIANTS + tuple("+Alex +Alicia +Andrea +Andy +Annie +antonio +aunty +belinda +benjamin +boris +caleb +david +Denis +Diogo +ed +Gene +grandma +grandpa "
                            "+Henrique +Hugo +Jacky +Lee +linda +marcelo +Marco +Mario +max +Michael +michel +miguel +Mike +pablo +paul +pedro +quincy +rob "
                            "+robert +steph +travis +victor +f1 +f3 +m2 +m4 +m5 +m6 +m8 +klatt +klatt3 +klatt4".split())
"""Who says numbers: variants of espeak-ng that sound like people."""
FLITE = ("kal16", "awb", "rms", "slt", "awb", "rms", "slt")
FEMALE = ("slt",)
NUMBER_CLIPS = 120
"""Clips of each number."""
RATES = 0.84, 1.2
"""Least and largest change of a number's rate."""
STAMPS = {"en": "eng", "bg": "bul", "ca": "cat", "fr": "fra", "ro": "ron", "ru": "rus", "es": "spa", "be": "bel", "el": "ell", "de": "deu", "it": "ita"}
"""Locales in which stamps are spoken, and the key of their voice: those of the recorded speech, and two more."""
LONGEST = 45
"""Characters of a text: about three seconds."""
TELEPHONE = 3600
"""Hz above which nothing passes."""


def number(*key) -> int:
    """The same for the same key, whatever else is made."""
    return int.from_bytes(hashlib.sha1(repr(key).encode()).digest()[:6], "big")


def sentences(data: Path, clips: int) -> list[tuple[str, str, str]]:
    """(language, text, English), every language about as often."""
    by_language: dict[str, list[tuple[str, str, str]]] = {}
    for row in rows(data / "train/bitext/tatoeba.tsv.xz"):
        language = row["lang"].split("_")[0]
        text, english = clean(row["translation"]), clean(row["english"])
        if len(english) <= LONGEST:
            if language in VOICES and len(text) <= LONGEST:
                by_language.setdefault(language, []).append((language, text, english))
            if number(english) % 8 == 0:
                by_language.setdefault("eng", []).append(("eng", english, english))
    each = max(1, clips * 3 // 4 // len(by_language))
    chosen = []
    for language, found in sorted(by_language.items()):
        most = each * (4 if language == "eng" else 1)
        chosen += sorted(found, key=lambda pair: number("pick", pair))[:most]
    return chosen


def spoken_stamps(data: Path) -> list[tuple[str, str, str]]:
    """(language, text, English) of the stamps' descriptions, whose voices in the data pack are few."""
    return [(STAMPS[locale], text, english) for locale, text, english in stamps(data) if locale in STAMPS and len(text) <= LONGEST]


def changed(path: Path, rate_factor: float, telephone: bool) -> None:
    """Another throat, and what a telephone leaves of it."""
    samples, rate = soundfile.read(path, dtype="float32")
    if rate_factor != 1:
        samples = np.interp(np.arange(0, len(samples), rate_factor), np.arange(len(samples)), samples)
    if telephone:
        spectrum = np.fft.rfft(samples)
        spectrum[np.fft.rfftfreq(len(samples), 1 / rate) > TELEPHONE] = 0
        samples = np.fft.irfft(spectrum, len(samples))
    soundfile.write(path, samples.astype(np.float32), rate, subtype="PCM_16", format="WAV")


def command(language: str, text: str, chance: int, kind: str, path: str) -> list[str]:
    """The program that speaks a text."""
    if kind == "number" and chance % 2:
        voice = FLITE[chance // 2 % len(FLITE)]
        pitch = 100 + chance // 7919 % 50 + (70 if voice in FEMALE else 0)
        stretch = 0.8 + chance // 59 % 60 / 100
        return ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}", "--setf", f"int_f0_target_mean={pitch}", "-t", text, "-o", path]
    variants = SPEAKERS if kind == "number" else VARIANTS
    voice = (ENGLISH[chance % len(ENGLISH)] if language == "eng" else VOICES[language]) + variants[chance // 7 % len(variants)]
    return ["espeak-ng", "-v", voice, "-s", str(120 + chance // 59 % 90), "-p", str(25 + chance // 7919 % 55), "-w", path, "--", text]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, default=4000)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)

    wanted = [(*pair, number("voice", pair), "sentence") for pair in sentences(arguments.data, arguments.clips)]
    wanted += [(*pair, number("stamp", pair), "stamp") for pair in spoken_stamps(arguments.data)]
    wanted += [("eng", word, word, number("number", word, turn), "number") for turn in range(NUMBER_CLIPS) for word in NUMBERS]

    def speak(job):
        language, text, english, chance, kind = job
        name = f"{language}-{chance:014x}.wav"
        path = arguments.out / name
        if not path.exists():
            part = Path(f"{path}.part")
            subprocess.run(command(language, text, chance, kind, str(part)), check=True)
            telephone = chance // 104729 % 3 == 0 or kind == "number" and chance // 104729 % 3 == 1
            rate = RATES[0] + (RATES[1] - RATES[0]) * (chance // 611953 % 1000) / 1000 if kind == "number" else 1
            if (telephone or rate != 1) and part.stat().st_size > 4000:
                changed(part, rate, telephone)
            part.rename(path)
        return {"file": name, "locale": language, "text": text, "english": english, "kind": kind} if path.stat().st_size > 4000 else None

    with ThreadPoolExecutor(2) as pool:
        entries = [entry for entry in pool.map(speak, dict.fromkeys(wanted)) if entry]
    with open(arguments.out / "manifest.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
    print(f"{len(entries):,} clips, {len({entry['locale'] for entry in entries})} languages")


if __name__ == "__main__":
    sys.exit(main())
