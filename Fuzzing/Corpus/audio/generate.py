"""Sound files that mutations start from, beside the test media: containers and odd files that no fixture is. Run here; needs ffmpeg."""
import struct
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = ["-f", "lavfi", "-i", "aevalsrc='0.4*sin(2*PI*(300*t+2500*t*t))':d=0.25:s=44100"]
EXACT = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags", "+bitexact"]


def sound(*options: str) -> bytes:
    return subprocess.run(
        ["ffmpeg", "-v", "error", *SOURCE, *EXACT, *options, "-"], capture_output=True, check=True).stdout


def main() -> None:
    mp3 = sound("-b:a", "64k", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3")
    vorbis = sound("-c:a", "libvorbis", "-f", "ogg")
    opus = sound("-c:a", "libopus", "-b:a", "24k", "-f", "ogg")
    flac = sound("-ar", "8000", "-f", "flac")
    pcm = sound("-ar", "8000", "-f", "s16le")
    tag = b"ID3\x04\0\0\0\0\0\x14" + bytes(20)
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    sizes = struct.pack("<QQQI", len(pcm) + 72, len(pcm), len(pcm) // 2, 0)
    files = {
        "opus.webm": sound("-c:a", "libopus", "-b:a", "24k", "-f", "webm"),
        "vorbis.mka": sound("-c:a", "libvorbis", "-f", "matroska"),
        "flac.mka": sound("-ar", "8000", "-c:a", "flac", "-f", "matroska"),
        "mp3.wav": sound("-b:a", "64k", "-c:a", "libmp3lame", "-f", "wav"),
        "bw64.wav": b"BW64" + b"\xff" * 4 + b"WAVEds64" + struct.pack("<I", 28) + sizes
        + b"fmt " + struct.pack("<I", 16) + form + b"data" + b"\xff" * 4 + pcm,
        "variable.mp3": sound("-q:a", "4", "-f", "mp3"),
        "joined.mp3": tag + mp3 + tag + mp3,
        "behind-junk.mp3": bytes(300) + mp3[40:],
        "chained.ogg": vorbis + vorbis,
        "chained.opus": opus + opus,
        "tagged.flac": tag + tag + flac + b"TAG" + bytes(125),
    }
    for name, content in files.items():
        (HERE / name).write_bytes(content)


if __name__ == "__main__":
    main()
