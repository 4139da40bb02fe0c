"""Files to search in, made here: pictures, a long sound, texts, names that a careless page would run."""

import math
import pathlib
import shutil
import struct
import wave
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEDIA = ROOT / "Tests/Fixtures/media"
# Whoever puts names into HTML runs these.
HOSTILE = '<img src=x onerror="document.title=\'taken\'">.txt'
CAPTION = "a red square with a black line"
HOSTILE_TEXT = "<script>document.title='taken'</script> & \"quotes\" </blockquote><b>bold</b>"


def picture(colour, width=120, height=80):
    """A PNG of one colour with a diagonal."""
    rows = b"".join(
        b"\0" + b"".join(bytes((0, 0, 0)) if abs(x - y) < 3 else bytes(colour) for x in range(width)) for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def sound(path, seconds):
    """A tone that rises every ten seconds."""
    rate = 8000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        for second in range(seconds):
            tone = 200 * 1.5 ** (second // 10)
            file.writeframes(b"".join(
                struct.pack("<h", int(9000 * math.sin(2 * math.pi * tone * at / rate))) for at in range(rate)))


def make(folder):
    folder.mkdir()
    for name, colour in (("red", (200, 30, 30)), ("green", (30, 160, 60)), ("blue", (40, 60, 200))):
        (folder / f"{name}.png").write_bytes(picture(colour))
    (folder / "red.txt").write_text(CAPTION + "\n")
    sound(folder / "tones.wav", 60)
    for name in ("clip.mp4", "two-pages.pdf", "chirp-16k.wav"):
        shutil.copy(MEDIA / name, folder)
    (folder / "again").mkdir()
    shutil.copy(MEDIA / "chirp-16k.wav", folder / "again")
    (folder / "empty.txt").touch()
    (folder / "kitten.txt").write_text("a sleepy kitten\n")
    (folder / "boats.md").write_text("# Boats\n\nThey sail.\n\n# Trains\n\nThey run on rails.\n")
    (folder / HOSTILE).write_text(HOSTILE_TEXT + "\n")
    deep = folder / "a folder of a long name" / ("another one " * 12).strip()
    deep.mkdir(parents=True)
    (deep / ("a-file-name-without-any-space-in-it-" * 4 + ".txt")).write_text("long names are broken where they must be\n")
    for number in range(12):
        (folder / f"note-{number}.txt").write_text(f"note number {number} about something else: {'word ' * (number + 3)}\n")
    return folder
