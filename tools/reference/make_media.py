"""Makes the pictures and sounds of Tests/Fixtures/media: synthetic, ours, the same bytes every time."""

import struct
import sys
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pillow_heif
import soundfile
from PIL import Image, ImageDraw, ImageFont

pillow_heif.register_heif_opener()
FIXTURES = Path(__file__).resolve().parents[2] / "Tests/Fixtures"
WIDTH, HEIGHT = 160, 120
EXACT = {"fflags": "+bitexact"}


# Pictures


def scene(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Gradients, shapes and two words."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], axis=2)
    image = Image.fromarray(pixels.astype(np.uint8))
    draw, unit = ImageDraw.Draw(image), height // 12
    draw.ellipse((unit, unit, 5 * unit, 5 * unit), fill=(250, 210, 40), outline=(30, 30, 30), width=2)
    draw.rectangle((9 * unit, 2 * unit, 14 * unit, 5 * unit), fill=(20, 90, 200))
    draw.polygon([(2 * unit, 10 * unit), (5 * unit, 6 * unit), (8 * unit, 10 * unit)], fill=(200, 30, 60))
    draw.text((8 * unit, 7 * unit), "Castor", fill=(255, 255, 255), font=ImageFont.load_default(2 * unit))
    draw.text((9 * unit, 10 * unit), "nano 42", fill=(0, 0, 0), font=ImageFont.load_default(unit))
    return image


def see_through(image: Image.Image) -> Image.Image:
    """Opaque at the left, transparent at the right."""
    alpha = np.tile(255 - np.arange(image.width) * 255 // (image.width - 1), (image.height, 1))
    image = image.convert("RGBA")
    image.putalpha(Image.fromarray(alpha.astype(np.uint8)))
    return image


def png(path: Path, pixels: np.ndarray, interlaced: bool = False) -> None:
    """u8 or u16 [h, w, 3]: what Pillow does not write, 16 bit color and Adam7."""
    height, width, _ = pixels.shape
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
                  (1, 0, 2, 1)]
    big_endian = pixels.astype(pixels.dtype.newbyteorder(">"))
    lines = b"".join(b"\0" + row.tobytes() for y, x, dy, dx in passes for row in big_endian[y::dy, x::dx])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8 * pixels.dtype.itemsize, 2, 0, 0, int(interlaced))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines, 9))
                     + chunk(b"IEND", b""))


def oriented(folder: Path, image: Image.Image) -> None:
    """Eight files that look alike once their EXIF orientation is applied."""
    undo = {1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}
    for orientation, transpose in undo.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = image if transpose is None else image.transpose(transpose)
        stored.save(folder / f"orientation-{orientation}.jpg", quality=90, exif=exif)
        if orientation == 6:
            stored.save(folder / "orientation-6.png", optimize=True, exif=exif)
            stored.save(folder / "orientation-6.webp", lossless=True, exif=exif)
            turned = scene(641, 997).transpose(transpose)
            turned.save(folder / "large-orientation-6.jpg", quality=60, exif=exif)       # decoded at 1/2


def make_pictures(folder: Path) -> None:
    image, small = scene(), scene(64, 48)
    image.save(folder / "scene.jpg", quality=85)
    image.save(folder / "progressive.jpg", quality=85, progressive=True)
    image.save(folder / "full-chroma.jpg", quality=85, subsampling="4:4:4")
    image.convert("L").save(folder / "gray.jpg", quality=85)
    small.convert("CMYK").save(folder / "cmyk.jpg", quality=90)
    oriented(folder, small)
    scene(1600, 1200).save(folder / "large.jpg", quality=60)                 # decoded at 1/4
    scene(2501, 1701).save(folder / "huge.jpg", quality=30)                  # decoded at 1/8

    image.save(folder / "rgb.png", optimize=True)
    see_through(image).save(folder / "rgba.png", optimize=True)
    see_through(small.convert("L")).convert("LA").save(folder / "gray-alpha.png", optimize=True)
    image.quantize(32).save(folder / "palette.png", optimize=True)
    small.quantize(16).save(folder / "palette-transparent.png", transparency=3)
    image.convert("L").save(folder / "gray.png", optimize=True)
    small.convert("1").save(folder / "one-bit.png")
    ramp = np.add.outer(np.arange(48) * 400, np.arange(64) * 700).astype(np.uint16)
    Image.fromarray(ramp).save(folder / "gray16.png")
    png(folder / "rgb16.png", np.stack([ramp, ramp[::-1], ramp[:, ::-1]], axis=2))
    png(folder / "interlaced.png", np.asarray(small), interlaced=True)
    Image.new("RGB", (1, 1), (200, 100, 50)).save(folder / "one-pixel.png")
    y, x = np.mgrid[0:10, 0:10000]
    wide = np.stack([x // 40 % 256, (x // 100 + y * 20) % 256, 255 - x * 255 // 10000], axis=2)
    Image.fromarray(wide.astype(np.uint8)).save(folder / "wide.png", optimize=True)
    Image.fromarray(np.ascontiguousarray(wide.astype(np.uint8).swapaxes(0, 1))[:3000]).save(
        folder / "tall.png", optimize=True)

    image.save(folder / "lossless.webp", lossless=True)
    image.save(folder / "lossy.webp", quality=80)
    see_through(image).save(folder / "alpha.webp", quality=80)
    small.save(folder / "small.bmp")
    image.quantize(32).save(folder / "palette.gif")
    still = small.quantize(16)
    still.save(folder / "animated-transparent.gif", save_all=True, transparency=2, duration=100, loop=0,
               append_images=[small.rotate(180).quantize(16)])
    image.save(folder / "scene.heic", quality=80)
    see_through(image).save(folder / "alpha.heic", quality=80)
    image.save(folder / "scene.avif", quality=80, subsampling="4:4:4", max_threads=1)
    see_through(image).save(folder / "alpha.avif", quality=80, subsampling="4:4:4", max_threads=1)
    image.save(folder / "subsampled.avif", quality=80, max_threads=1)        # decoders disagree on its chroma


# Sounds


def tone(rate: int, seconds: float, frequency: float = 440, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)


def chirp(rate: int, seconds: float, low: float = 100, high: float = 3600) -> np.ndarray:
    t = np.arange(round(rate * seconds)) / rate
    return 0.4 * np.sin(2 * np.pi * (low * t + (high - low) * t * t / 2 / seconds))


def noise(rate: int, seconds: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, round(rate * seconds))


def music(rate: int, seconds: float) -> np.ndarray:
    """Three notes and a hiss."""
    t = np.arange(round(rate * seconds)) / rate
    notes = sum(0.2 * np.sin(2 * np.pi * f * t) for f in (262, 523.3, 1320))
    return notes * np.exp(-3 * (t % (seconds / 2))) + noise(rate, seconds, 7) * 0.05


def wav_float(path: Path, samples: np.ndarray, rate: int) -> None:
    """f32 WAV by hand: libsndfile would add the date."""
    data = samples.astype("<f4").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 3, 1, rate, rate * 4, 4, 32)
    body = b"WAVE" + form + struct.pack("<4sII4sI", b"fact", 4, len(samples), b"data", len(data)) + data
    path.write_bytes(struct.pack("<4sI", b"RIFF", len(body)) + body)


def encode(path: Path, codec: str, samples: np.ndarray, rate: int, bit_rate: int, container: str) -> None:
    """f64 [channels, n] by FFmpeg, without random stream numbers or dates."""
    with av.open(str(path), "w", format=container, options=EXACT) as output:
        stream = output.add_stream(codec, rate=rate, options={"flags": "+bitexact"})
        stream.layout = {1: "mono", 2: "stereo"}[len(samples)]
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(
            samples.astype(np.float32), format="fltp", layout=stream.layout.name)
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=stream.layout, rate=rate)
        fifo = av.AudioFifo()
        for block in resampler.resample(frame) + resampler.resample(None):
            fifo.write(block)
        stream.codec_context.open()
        size, written = stream.codec_context.frame_size or 1024, 0
        while block := fifo.read(size) or fifo.read(0, partial=True):
            block.pts, block.time_base = written, Fraction(1, rate)          # containers note what to skip
            written += block.samples
            output.mux(stream.encode(block))
        output.mux(stream.encode(None))


def fixed_serial(path: Path) -> None:
    """libsndfile numbers an Ogg stream at random: renumbers its pages to 1, with their checksums."""
    data, start = bytearray(path.read_bytes()), 0
    while start < len(data):
        segments = data[start + 26]
        end = start + 27 + segments + sum(data[start + 27:start + 27 + segments])
        data[start + 14:start + 18] = struct.pack("<I", 1)
        data[start + 22:start + 26] = bytes(4)
        crc = 0
        for byte in data[start:end]:
            crc ^= byte << 24
            for _ in range(8):
                crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
        data[start + 22:start + 26] = struct.pack("<I", crc)
        start = end
    path.write_bytes(data)


def make_sounds(folder: Path) -> None:
    def write(name: str, samples: np.ndarray, rate: int, subtype: str = "PCM_16") -> None:
        soundfile.write(folder / name, samples, rate, subtype)

    both = np.stack([tone(44100, 0.4), chirp(44100, 0.4)], axis=1)                       # [n, 2]
    write("chirp-8k.wav", chirp(8000, 1), 8000)
    write("chirp-16k.wav", chirp(16000, 1, high=7900), 16000)
    write("noise-16k.wav", noise(16000, 0.5, 1), 16000)
    write("tone-16k-u8.wav", tone(16000, 0.5), 16000, "PCM_U8")
    write("tone-22k.wav", tone(22050, 0.5), 22050)
    write("stereo-44k.wav", both, 44100)
    write("chirp-48k-24bit.wav", chirp(48000, 0.4, high=20000), 48000, "PCM_24")
    write("tone-32k-32bit.wav", tone(32000, 0.3), 32000, "PCM_32")
    wav_float(folder / "noise-48k-float.wav", noise(48000, 0.2, 2), 48000)
    six = np.stack([tone(48000, 0.1, 200 * k) for k in range(1, 7)], axis=1)             # [n, 6]
    write("six-channels-48k.wav", six, 48000)
    write("short.wav", tone(16000, 0.01), 16000)
    write("one-sample.wav", np.array([0.25]), 16000)
    write("one-sample-44k.wav", np.array([0.25]), 44100)
    write("silence.wav", np.zeros(8000), 16000)
    write("faint.wav", np.round(tone(16000, 0.5, 1000, 2.0)) / 32768, 16000)             # two steps of 16 bit
    write("music-44k.flac", music(44100, 0.5), 44100)
    write("tone-44k.aiff", tone(44100, 0.3), 44100)

    ticks = np.zeros(180 * 8000)                                                         # the longest allowed
    for second in range(180):
        blip = tone(8000, 0.02, 300 + 15 * second, 0.3)
        ticks[second * 8000:second * 8000 + len(blip)] = blip
    write("long.flac", ticks, 8000)

    encode(folder / "music.mp3", "libmp3lame", music(44100, 0.6)[None], 44100, 64000, "mp3")
    write("music.ogg", music(44100, 0.6), 44100, "VORBIS")
    fixed_serial(folder / "music.ogg")
    encode(folder / "music.opus", "libopus", music(48000, 0.6)[None], 48000, 48000, "ogg")
    encode(folder / "music.aac", "aac", music(44100, 0.6)[None], 44100, 64000, "adts")
    encode(folder / "music.m4a", "aac", music(44100, 0.6)[None], 44100, 64000, "ipod")
    encode(folder / "stereo.mp3", "libmp3lame", np.ascontiguousarray(both.T), 44100, 64000, "mp3")


# Videos and documents


def moving(seconds: float, rate: int, width: int, height: int) -> list[np.ndarray]:
    """A disc that crosses the scene, whose light changes."""
    still, y, x = np.asarray(scene(width, height)), *np.mgrid[0:height, 0:width]
    frames = []
    for i in range(round(seconds * rate)):
        share = i / (seconds * rate)
        frame = (still * (0.5 + 0.5 * share)).astype(np.uint8)
        disc = (x - share * width) ** 2 + (y - height / 2) ** 2 < (height / 5) ** 2
        frame[disc] = (250, 220 * (1 - share), 40)
        frames.append(frame)
    return frames


def film(path: Path, codec: str, frames: list[np.ndarray], rate: int, options: dict[str, str],
         sound: np.ndarray | None = None) -> None:
    with av.open(str(path), "w", options=EXACT) as output:
        stream = output.add_stream(codec, rate=rate, options={"flags": "+bitexact", "threads": "1"} | options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if sound is not None:                                                # f64 [n], at 16 kHz
            track = output.add_stream("aac", rate=16000, options={"flags": "+bitexact"})
            track.layout = "mono"
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, rate)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if sound is not None:
            for start in range(0, len(sound), 1024):
                block = sound[None, start:start + 1024].astype(np.float32)
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
                output.mux(track.encode(frame))
            output.mux(track.encode(None))


def make_videos(folder: Path) -> None:
    options = {"preset": "slow", "g": "20", "crf": "24"}
    film(folder / "clip.mp4", "libx264", moving(3.4, 10, 96, 64), 10, options, chirp(16000, 3.4))
    film(folder / "fast.webm", "libvpx-vp9", moving(10, 3, 64, 80), 3, {"crf": "40", "b": "0"})


def pdf(path: Path, pages: list[tuple[int, int, str]]) -> None:
    """Width, height and content stream of each page; /F is Helvetica."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>",
               "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"]
    for i, (width, height, content) in enumerate(pages):
        objects += [f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {5 + 2 * i} 0 R"
                    "/Resources<</Font<</F 3 0 R>>>>>>",
                    f"<</Length {len(content)}>>stream\n{content}\nendstream"]
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    data += (f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
             f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{len(data)}\n%%EOF\n").encode()
    path.write_bytes(data)


def make_documents(folder: Path) -> None:
    # Invisible text (3 Tr): which font a machine has in Helvetica's place does not matter.
    bars = "\n".join(f"0.{i} 0.{9 - i} 0.5 rg {20 + 30 * i} 40 22 {60 + 25 * i} re f" for i in range(1, 8))
    words = ("BT 3 Tr /F 14 Tf 20 380 Td (Yearly rain in the harbour) Tj "
             "0 -20 Td (July was the wettest month.) Tj ET")
    rings = "\n".join(f"0.8 0.{i} 0.1 rg {20 * i} {14 * i} {300 - 40 * i} {200 - 28 * i} re f"
                      for i in range(1, 7))
    pdf(folder / "two-pages.pdf", [(298, 420, f"{bars}\n{words}"), (320, 210, rings)])


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    make_pictures(folder)
    make_sounds(folder)
    make_videos(folder)
    make_documents(folder)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else FIXTURES / "media")
