"""Nine sounds played from a free soundfont, and the names of the twelve things of things.py spoken in three languages: what the demo's own test finds by text.

    python3 tools/demo/thing_sounds.py OUT

OUT receives NAME-NUMBER.wav (two of each), spoken-NAME-LANGUAGE.wav, and sounds.tsv: file, language, text. Runs with Debian's fluidsynth, fluid-soundfont-gm (MIT) and espeak-ng; neither these voices' words nor this soundfont is
training's.
"""
import argparse
import random
import struct
import subprocess
import tempfile
from pathlib import Path

from things import LANGUAGES, TEXTS

FONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
TICKS = 480
"""Of a quarter, of which a file that names no tempo has two a second."""
DRUMS = 9
"""The channel whose keys are drums."""

# Program of General MIDI, keys that sound one after the other (a list sounds together), seconds of each, and what it is called.
SCALE = (60, 64, 67, 72, 67, 64)
SOUNDS = {
    "piano": (0, SCALE, 0.4, ("a piano", "ein Klavier", "un piano")),
    "guitar": (24, ((52, 59, 64, 67), (57, 64, 69, 72), (50, 57, 62, 66)), 1.0, ("a guitar", "eine Gitarre", "una guitarra")),
    "violin": (40, (67, 69, 71, 74), 0.8, ("a violin", "eine Geige", "un violín")),
    "drums": (DRUMS, ((36, 42), 42, (38, 42), 42, (36, 42), 42, (38, 42), 46), 0.25, ("drums", "ein Schlagzeug", "una batería")),
    "sea": (122, (60,), 4.0, ("waves of the sea", "Meeresrauschen", "las olas del mar")),
    "bird": (123, (72, 76), 1.8, ("a bird chirps", "ein Vogel zwitschert", "un pájaro canta")),
    "telephone": (124, (72, 72), 1.8, ("a telephone rings", "ein Telefon klingelt", "suena un teléfono")),
    "helicopter": (125, (55,), 4.0, ("a helicopter", "ein Hubschrauber", "un helicóptero")),
    "applause": (126, (60,), 4.0, ("applause", "Applaus", "aplausos")),
}
VOICES = {"en": "en-us", "de": "de", "es": "es"}
VARIANTS = 2


def length(number: int) -> bytes:
    """Of variable size: seven bits a byte, the highest first."""
    found = [number & 127]
    while number := number >> 7:
        found.append(number & 127 | 128)
    return bytes(found[::-1])


def midi(program: int, keys, seconds: float, transposed: int) -> bytes:
    """A file of one track; two quarters a second."""
    channel = DRUMS if program == DRUMS else 0
    events = [] if program == DRUMS else [length(0) + bytes((0xC0, program))]
    for key in keys:
        together = [k if program == DRUMS else k + transposed for k in (key if isinstance(key, tuple) else (key,))]
        events += [length(0) + bytes((0x90 | channel, k, 100)) for k in together]
        events += [length(round(2 * TICKS * seconds) if index == 0 else 0) + bytes((0x80 | channel, k, 0)) for index, k in enumerate(together)]
    track = b"".join(events) + length(TICKS) + b"\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS) + b"MTrk" + struct.pack(">I", len(track)) + track


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for sound, (program, keys, seconds, texts) in SOUNDS.items():
            for variant in range(VARIANTS):
                pick = random.Random(f"{sound} {variant}")
                path, to = Path(name) / "sound.mid", arguments.out / f"{sound}-{variant}.wav"
                path.write_bytes(midi(program, keys, seconds * pick.uniform(0.85, 1.15), pick.randint(-5, 5)))
                subprocess.run(["fluidsynth", "-ni", "-q", "-r", "44100", "-F", to, FONT, path], check=True, stdout=subprocess.DEVNULL)
                rows += [(to.name, language, text) for language, text in zip(LANGUAGES, texts)]
    for thing, texts in TEXTS.items():
        for language, text in zip(LANGUAGES, texts):
            to = arguments.out / f"spoken-{thing}-{language}.wav"
            subprocess.run(["espeak-ng", "-v", VOICES[language], "-w", to, text], check=True)
            rows.append((to.name, language, text))
    with open(arguments.out / "sounds.tsv", "w", encoding="utf-8") as file:
        file.write("file\tlanguage\ttext\n")
        file.writelines("\t".join(row) + "\n" for row in rows)


if __name__ == "__main__":
    main()
