"""Makes the files in Tests/MediaTests/Fixtures: small synthetic pictures and tones in every format that the Media module
decodes, each with the pixels that Pillow (pillow-heif for HEIC) decodes it to, and reference results of resizing and resampling.

    python tools/reference/make_media_tests.py Tests/MediaTests/Fixtures

NAME.rgb    u32 width, u32 height, then [height, width, 3] u8: NAME as upright RGB, alpha over white
NAME.f32    little-endian f32 values

Needs numpy, torch, Pillow 11 or newer, pillow-heif, soundfile, and the programs ffmpeg and sox.
"""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
import torch
from PIL import Image, ImageFilter, ImageOps

pillow_heif.register_heif_opener()
OUT = Path(sys.argv[1])
WIDTH, HEIGHT = 27, 18


def picture(width=WIDTH, height=HEIGHT):
    """Gradients, a disc and a hard edge: no two orientations look alike."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([255 * x / (width - 1), 255 * y / (height - 1), 128 + 100 * np.sin(x / 3) * np.cos(y / 5)], -1)
    rgb[(x - width * 0.3) ** 2 + (y - height * 0.4) ** 2 < (height * 0.25) ** 2] = (250, 30, 40)
    rgb[height * 3 // 4 :, width // 2 :] = (10, 200, 90)
    return Image.fromarray(rgb.round().clip(0, 255).astype(np.uint8), "RGB")


def alpha(width=WIDTH, height=HEIGHT):
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray((255 * ((x + y) % 16) / 15).round().astype(np.uint8), "L")


def over_white(image):
    """round((c a + 255 (255 - a)) / 255) in integers."""
    rgba = np.asarray(image.convert("RGBA")).astype(np.int64)
    c, a = rgba[..., :3], rgba[..., 3:]
    return ((c * a + 255 * (255 - a) + 127) // 255).astype(np.uint8)


def write_rgb(name, rgb):
    rgb = np.asarray(rgb, np.uint8)
    (OUT / f"{name}.rgb").write_bytes(struct.pack("<II", rgb.shape[1], rgb.shape[0]) + rgb.tobytes())


def expect(name):
    image = Image.open(OUT / name)
    image.seek(0)
    image = ImageOps.exif_transpose(image)
    has_alpha = "A" in image.mode or "transparency" in image.info
    write_rgb(name, over_white(image) if has_alpha else image.convert("RGB"))


def save(name, image, **options):
    image.save(OUT / name, **options)
    expect(name)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunk(png, kind, data):
    """Inserts a chunk after IHDR."""
    return png[:33] + chunk(kind, data) + png[33:]


def png_bytes(image, **options):
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def adam7(rgb):
    """An interlaced PNG, which Pillow cannot write."""
    height, width, _ = rgb.shape
    raw = b""
    for x0, y0, dx, dy in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]:
        part = rgb[y0:height:dy, x0:width:dx]
        if part.size:
            raw += b"".join(b"\0" + row.tobytes() for row in part)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def png16(samples, color):
    height, width = samples.shape[:2]
    raw = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def bmp32(image, mask):
    """A BMP with an alpha mask (BITMAPV4HEADER, BI_BITFIELDS) or with four bytes a pixel of which the fourth is padding."""
    rgba = np.asarray(image.convert("RGBA"))[::-1]
    bgra = rgba[..., [2, 1, 0, 3]].tobytes()
    size = 108 if mask else 40
    header = struct.pack("<IiiHHIIiiII", size, image.width, image.height, 1, 32, 3 if mask else 0, len(bgra), 2835, 2835, 0, 0)
    if mask:
        header += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 14 + size + len(bgra), 0, 0, 14 + size) + header + bgra


def ffmpeg(*arguments, data=None):
    command = ["ffmpeg", "-v", "error", "-y", *arguments]
    return subprocess.run(command, input=data, check=True, capture_output=True).stdout


def images():
    rgb, mask = picture(), alpha()
    rgba = rgb.copy()
    rgba.putalpha(mask)
    palette = rgb.quantize(64)

    save("rgb.png", rgb)
    save("rgba.png", rgba)
    save("gray.png", rgb.convert("L"))
    save("gray-alpha.png", rgba.convert("LA"))
    save("palette.png", palette)
    save("palette-alpha.png", palette, transparency=bytes(range(0, 256, 4)))
    save("gray1.png", rgb.convert("1"))
    (OUT / "interlaced.png").write_bytes(adam7(np.asarray(rgb)))
    expect("interlaced.png")
    wide = np.asarray(rgb).astype(np.uint16) * 257
    wide[..., 2] ^= 0x00A5
    (OUT / "rgb16.png").write_bytes(png16(wide, 2))
    expect("rgb16.png")
    (OUT / "gray16.png").write_bytes(png16(wide[..., 2], 0))
    # Pillow's conversion of its 16-bit mode has changed between versions; the high byte is what libpng gives.
    write_rgb("gray16.png", np.repeat((wide[..., 2:] >> 8).astype(np.uint8), 3, -1))
    # A gAMA chunk of a linear file: Pillow and browsers without colour management show the stored values.
    (OUT / "gamma.png").write_bytes(with_chunk(png_bytes(rgb), b"gAMA", struct.pack(">I", 100_000)))
    expect("gamma.png")
    save("color-key.png", rgb, transparency=(250, 30, 40))
    frames = [rgb, rgb.transpose(Image.Transpose.ROTATE_180)]
    frames[0].save(OUT / "animated.png", save_all=True, append_images=frames[1:], duration=100)
    expect("animated.png")
    save("exif6.png", rgb, exif=exif(6))

    save("rgb.jpg", rgb, quality=90)
    save("progressive.jpg", rgb, quality=85, progressive=True)
    save("gray.jpg", rgb.convert("L"), quality=90)
    save("cmyk.jpg", rgb.convert("CMYK"), quality=95)
    save("full-chroma.jpg", rgb, quality=90, subsampling=0)
    save("half-chroma.jpg", rgb, quality=90, subsampling=1)
    for orientation in range(1, 9):
        save(f"exif{orientation}.jpg", rgb, quality=90, exif=exif(orientation))
    big = picture(99, 67)
    big.save(OUT / "scaled.jpg", quality=60, exif=exif(6))
    for scale in (2, 4, 8):
        image = Image.open(OUT / "scaled.jpg")
        image.draft("RGB", (99 // scale, 67 // scale))
        write_rgb(f"scaled.jpg.{scale}", ImageOps.exif_transpose(image))

    save("lossless.webp", rgb, lossless=True)
    save("lossy.webp", rgb, quality=80)
    save("rgba.webp", rgba, lossless=True)
    save("exif8.webp", rgb, lossless=True, exif=exif(8))
    frames[0].save(OUT / "animated.webp", save_all=True, append_images=frames[1:], lossless=True)
    expect("animated.webp")

    save("palette.gif", palette)
    save("interlaced.gif", palette, interlace=1)
    save("transparent.gif", palette, transparency=palette.getpixel((0, 0)))
    frames[0].quantize(16).save(OUT / "animated.gif", save_all=True, append_images=[f.quantize(16) for f in frames[1:]])
    expect("animated.gif")

    save("rgb.bmp", rgb)
    save("palette.bmp", palette)
    save("gray1.bmp", rgb.convert("1"))
    (OUT / "padded32.bmp").write_bytes(bmp32(rgba, mask=False))
    expect("padded32.bmp")
    (OUT / "alpha32.bmp").write_bytes(bmp32(rgba, mask=True))
    expect("alpha32.bmp")
    (OUT / "rgb555.bmp").write_bytes(ffmpeg(
        "-f", "image2pipe", "-i", "-", "-pix_fmt", "rgb555le", "-c:v", "bmp", "-f", "image2pipe", "-", data=png_bytes(rgb)))
    expect("rgb555.bmp")

    save("rgb.heic", rgb, quality=90)
    save("rgba.heic", rgba, quality=90)
    save("exif6.heic", rgb, quality=90, exif=exif(6))
    save("rgb.avif", rgb, quality=90, subsampling="4:4:4")
    save("rgba.avif", rgba, quality=90, subsampling="4:4:4")
    # Smooth, because decoders differ in how they enlarge the chroma planes.
    save("half-chroma.avif", picture(256, 192).filter(ImageFilter.GaussianBlur(9)).crop((150, 40, 182, 64)), quality=90)

    # Resizing: the same picture by torch in f64 (in f32 its weights are some 1e-5 off), and by Pillow in 8 bits.
    source = picture(41, 29)
    write_rgb("resize", source)
    tensor = torch.from_numpy(np.asarray(source).astype(np.float64)).permute(2, 0, 1)[None]
    for width, height in [(16, 8), (8, 33), (41, 29), (50, 34), (13, 7), (1, 1)]:
        resized = torch.nn.functional.interpolate(
            tensor, size=(height, width), mode="bilinear", antialias=True, align_corners=False)
        values = resized[0].permute(1, 2, 0).contiguous().numpy()
        (OUT / f"resize.{width}x{height}.f32").write_bytes(values.astype("<f4").tobytes())
        write_rgb(f"resize.{width}x{height}", source.resize((width, height), Image.Resampling.BILINEAR))


def sounds():
    seconds = 0.2
    raw = OUT / "tone.tmp.wav"

    def tone(rate, channels, length=seconds):
        """440 Hz at 0.5 on the left, 0.25 on every other channel: the mean is known."""
        t = np.arange(round(rate * length)) / rate
        parts = [(0.5 if c == 0 else 0.25) * np.sin(2 * np.pi * 440 * t) for c in range(channels)]
        values = (np.stack(parts, -1) * 32767).round().astype("<i2")
        size = values.nbytes
        header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack(
            "<IHHIIHH", 16, 1, channels, rate, rate * channels * 2, channels * 2, 16)
        raw.write_bytes(header + b"data" + struct.pack("<I", size) + values.tobytes())

    def encode(name, rate, channels, *options):
        tone(rate, channels)
        ffmpeg("-i", str(raw), "-map_metadata", "-1", "-fflags", "+bitexact", *options, str(OUT / name))

    encode("tone-16k-mono.wav", 16_000, 1)
    encode("tone-8k-stereo.wav", 8_000, 2)
    encode("tone-44k-mono.wav", 44_100, 1)
    encode("tone-8k-6ch.wav", 8_000, 6, "-t", "0.1")
    encode("tone-8k-u8.wav", 8_000, 1, "-c:a", "pcm_u8")
    encode("tone-8k-s24.wav", 8_000, 1, "-c:a", "pcm_s24le")
    encode("tone-8k-f32.wav", 8_000, 1, "-c:a", "pcm_f32le")
    encode("tone-8k-mulaw.wav", 8_000, 1, "-c:a", "pcm_mulaw")
    encode("tone-8k-adpcm.wav", 8_000, 1, "-c:a", "adpcm_ima_wav")
    encode("tone-44k-stereo.mp3", 44_100, 2, "-b:a", "64k")
    encode("tone-22k-mono.mp3", 22_050, 1, "-b:a", "32k")
    encode("tone-48k-stereo.flac", 48_000, 2, "-metadata_header_padding", "0")
    encode("tone-44k-stereo.ogg", 44_100, 2, "-c:a", "libvorbis", "-q:a", "1")
    encode("tone-48k-mono.opus", 48_000, 1, "-c:a", "libopus", "-b:a", "32k")
    encode("tone-44k-mono.aac", 44_100, 1, "-b:a", "48k")
    encode("tone-44k-stereo.m4a", 44_100, 2, "-b:a", "48k")
    encode("tone-44k-faststart.m4a", 44_100, 1, "-b:a", "48k", "-movflags", "+faststart")
    encode("tone-16k-alac.m4a", 16_000, 1, "-c:a", "alac")
    encode("tone-16k-mono.flac.ogg", 16_000, 1, "-c:a", "flac")
    encode("tone-44k-mono.mp4", 44_100, 1, "-b:a", "48k")
    encode("tone-16k-stereo.aiff", 16_000, 2)
    # Written to a pipe, so that the sizes in the header are not known.
    tone(16_000, 1)
    (OUT / "piped.wav").write_bytes(ffmpeg("-i", str(raw), "-f", "wav", "-", data=None))
    (OUT / "piped-sox.wav").write_bytes(subprocess.run(
        ["sox", "-t", "raw", "-r", "16000", "-e", "signed", "-b", "16", "-c", "1", "-", "-t", "wav", "-"],
        input=raw.read_bytes()[44:], check=True, capture_output=True).stdout)

    # libswresample's own result, through ffmpeg's filter.
    for rate in (44_100, 8_000, 22_050):
        tone(rate, 1, 0.05)
        name = f"resample-{rate}.wav"
        (OUT / name).write_bytes(raw.read_bytes())
        (OUT / f"{name}.f32").write_bytes(ffmpeg(
            "-i", str(raw), "-af", "aformat=sample_fmts=fltp,aresample=16000", "-f", "f32le", "-"))
    raw.unlink()


def ogg_checksum(page):
    """CRC-32 of an Ogg page, polynomial 0x04c11db7, not reflected (RFC 3533)."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value


def uneven_pages():
    """An Opus stream whose first page of sound ends 8 ms late by its own account, as some encoders write."""
    out = OUT / "uneven-pages.ogg"
    ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=0.6", "-ac", "1", "-c:a", "libopus",
           "-b:a", "10k", "-page_duration", "100000", "-fflags", "+bitexact", "-flags:a", "+bitexact", str(out))
    data = bytearray(out.read_bytes())
    start = 0
    for _ in range(2):  # the header pages
        start = data.index(b"OggS", start + 4)
    segments = data[start + 26]
    end = start + 27 + segments + sum(data[start + 27:start + 27 + segments])
    granule, = struct.unpack_from("<q", data, start + 6)
    struct.pack_into("<q", data, start + 6, granule + 384)
    struct.pack_into("<I", data, start + 22, 0)
    struct.pack_into("<I", data, start + 22, ogg_checksum(data[start:end]))
    out.write_bytes(data)


def videos():
    """Frame n of every film is gray of level 16 + 6 n (of 32 levels, over and over); a corner says which way is up."""
    def film(name, seconds, rate, *options, sound=None, filters="", size="64x48"):
        level = "16+6*mod(N,32)"
        corner = f"if(lt(X,W/4)*lt(Y,H/4),235,{level})"
        source = f"color=size={size}:rate={rate}:duration={seconds},geq=lum='{corner}':cb=128:cr=128{filters}"
        inputs = ["-f", "lavfi", "-i", source]
        if sound:
            inputs += ["-f", "lavfi", "-i", f"sine=frequency={sound}:sample_rate=16000:duration={seconds}", "-ac", "1"]
        ffmpeg(*inputs, "-threads", "1", "-pix_fmt", "yuv420p", "-fflags", "+bitexact", "-flags", "+bitexact", *options,
               str(OUT / name))

    h264 = ["-c:v", "libx264", "-g", "12", "-bf", "3", "-crf", "12"]
    film("h264.mp4", 3.2, 10, *h264, "-c:a", "aac", "-b:a", "32k", sound=440)
    film("h264.mov", 3.2, 10, *h264)
    film("h264.ts", 3.2, 10, *h264)
    film("h264.mkv", 3.2, 10, *h264)
    film("fragments.mp4", 3.2, 10, *h264, "-movflags", "frag_keyframe+empty_moov")
    film("h265.mp4", 3.2, 10, "-c:v", "libx265", "-x265-params", "log-level=0:keyint=12:bframes=3", "-crf", "12")
    film("vp9.webm", 3.2, 10, "-c:v", "libvpx-vp9", "-g", "12", "-crf", "12", "-b:v", "0", "-c:a", "libopus", sound=440)
    film("av1.mp4", 3.2, 10, "-c:v", "libaom-av1", "-g", "12", "-crf", "12", "-cpu-used", "8")
    film("mpeg4.mp4", 3.2, 10, "-c:v", "mpeg4", "-q:v", "4", "-bf", "2", size="160x120")
    film("mpeg2.mpg", 3.2, 25, "-c:v", "mpeg2video", "-q:v", "4", "-bf", "2", size="160x120")
    film("mpeg1.mpg", 3.2, 25, "-c:v", "mpeg1video", "-q:v", "4", "-bf", "2")
    film("long.mp4", 120, 2, *h264, size="32x32")
    film("one-frame.mp4", 0.1, 10, *h264)
    film("variable.mp4", 3.2, 10, *h264, "-vsync", "vfr", "-video_track_timescale", "1000",
         filters=",setpts='if(lt(N,10),N/10,1+(N-10)/2)/TB'")
    film("anamorphic.mp4", 0.5, 10, *h264, filters=",setsar=2/1")
    film("upright.tmp.mp4", 0.5, 10, *h264)
    for turn in (90, 180, 270):
        ffmpeg("-i", str(OUT / "upright.tmp.mp4"), "-c", "copy", "-metadata:s:v", f"rotate={turn}", "-fflags", "+bitexact",
               str(OUT / f"rotate{turn}.mp4"))
    (OUT / "upright.tmp.mp4").unlink()


OUT.mkdir(parents=True, exist_ok=True)
for old in OUT.iterdir():
    old.unlink()
images()
sounds()
uneven_pages()
videos()
