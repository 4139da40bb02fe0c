"""Sounds computed from noise, tones and clicks, always the same: the collection's, and other ones of the same kinds as questions."""

import subprocess
import wave
from pathlib import Path

import numpy as np

RATE = 16_000


class Maker:
    """One kind of chance for one sound."""

    def __init__(self, seed: int):
        self.chance = np.random.default_rng(seed)

    def noise(self, seconds: float, low: float = 0, high: float = RATE / 2) -> np.ndarray:
        """Of a band, by its spectrum."""
        count = int(seconds * RATE)
        spectrum = np.fft.rfft(self.chance.normal(0, 1, count))
        heights = np.fft.rfftfreq(count, 1 / RATE)
        spectrum[(heights < low) | (heights > high)] = 0
        return unit(np.fft.irfft(spectrum, count))

    def pink(self, seconds: float, slope: float = 0.5, high: float = RATE / 2) -> np.ndarray:
        """Lower parts louder: amplitude by frequency to -slope."""
        count = int(seconds * RATE)
        heights = np.fft.rfftfreq(count, 1 / RATE)
        spectrum = np.fft.rfft(self.chance.normal(0, 1, count)) * np.maximum(heights, 20) ** -slope * (heights <= high)
        return unit(np.fft.irfft(spectrum, count))


def unit(samples: np.ndarray) -> np.ndarray:
    return samples / max(1e-9, np.abs(samples).max())


def time(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * RATE)) / RATE


def glide(pitches: np.ndarray) -> np.ndarray:
    """The phase in turns of a pitch that changes."""
    return np.cumsum(pitches) / RATE


def put(into: np.ndarray, at: float, samples: np.ndarray) -> None:
    start = int(at * RATE)
    end = min(len(into), start + len(samples))
    into[start:end] += samples[: end - start]


def bark(maker, count=2, pitch=420.0):
    """Overtones that rise and fall within a quarter of a second, roughened by breath."""
    whole = np.zeros(int((0.3 + 0.55 * count) * RATE))
    for index in range(count):
        t = time(0.24)
        turns = glide(pitch * (0.75 + 0.5 * np.sin(np.pi * t / 0.24)) * maker.chance.uniform(0.95, 1.05))
        tone = sum(np.sin(2 * np.pi * n * turns) / n ** 0.8 for n in range(1, 12))
        put(whole, 0.1 + 0.55 * index, (unit(tone) + 0.5 * maker.noise(0.24, 300, 4000)) * np.sin(np.pi * t / 0.24) ** 0.6 * np.exp(-5 * t))
    return whole


def rain(maker, seconds=4.0):
    drops = np.zeros(int(seconds * RATE))
    for _ in range(int(60 * seconds)):
        drop = maker.noise(0.012, 1500, 7000) * np.exp(-time(0.012) * 350)
        put(drops, maker.chance.uniform(0, seconds), drop * maker.chance.uniform(0.2, 1))
    return 0.6 * maker.noise(seconds, 400, 7800) + 0.5 * drops


def church_bell(maker, pitch=440.0, strokes=3):
    """The partials that founders name: hum, prime, tierce, quint, nominal, and above."""
    whole = np.zeros(int((1.4 * strokes + 2) * RATE))
    for index in range(strokes):
        t = time(3.2)
        stroke = sum(a * np.sin(2 * np.pi * pitch * f * t) * np.exp(-t * d) for f, a, d in (
            (0.5, 0.6, 0.7), (1, 1, 1), (1.2, 0.8, 1.4), (1.5, 0.5, 1.8), (2, 0.9, 2), (2.67, 0.4, 3), (3, 0.4, 4), (4.1, 0.3, 6)))
        put(whole, 1.4 * index, stroke + 0.4 * np.pad(maker.noise(0.02, 1000, 6000), (0, len(t) - int(0.02 * RATE))))
    return whole


def ticking(maker, seconds=5.0, beat=0.5):
    whole = np.zeros(int(seconds * RATE))
    for index in range(int(seconds / beat)):
        t = time(0.03)
        high = 2600 if index % 2 else 2100
        put(whole, 0.1 + beat * index, (np.sin(2 * np.pi * high * t) + 0.7 * maker.noise(0.03, 1500, 7500)) * np.exp(-t * 260))
    return whole


def waves(maker, seconds=8.0, swell=3.6):
    t = time(seconds)
    rise = (0.5 + 0.5 * np.sin(2 * np.pi * t / swell - 1.2)) ** 2
    return maker.pink(seconds, 0.5) * (0.15 + rise) + 0.35 * maker.noise(seconds, 2000, 7000) * rise ** 2


def siren(maker, seconds=5.0, cycle=1.6):
    t = time(seconds)
    turns = glide(900 + 350 * np.sin(2 * np.pi * t / cycle))
    return sum(np.sin(2 * np.pi * n * turns) / n for n in (1, 2, 3))


def helicopter(maker, seconds=5.0, blades=13.0):
    t = time(seconds)
    beat = (0.5 + 0.5 * np.sin(2 * np.pi * blades * t)) ** 4
    return maker.pink(seconds, 0.8, 2500) * (0.12 + beat) + 0.15 * maker.noise(seconds, 200, 1200)


def birds(maker, seconds=5.0):
    whole = np.zeros(int(seconds * RATE))
    at = 0.1
    while at < seconds - 0.5:
        pitch = maker.chance.uniform(2800, 4200)
        for index in range(maker.chance.integers(2, 6)):
            t = time(0.09)
            turns = glide(pitch * (1.18 - 3.2 * t + 0.05 * np.sin(2 * np.pi * 60 * t)))
            put(whole, at + 0.12 * index, np.sin(2 * np.pi * turns) * np.sin(np.pi * t / 0.09))
        at += maker.chance.uniform(0.7, 1.1)
    return whole


def knocking(maker):
    whole = np.zeros(int(2.6 * RATE))
    for at in (0.2, 0.48, 0.76, 1.6, 1.88):
        t = time(0.14)
        put(whole, at, (np.sin(2 * np.pi * 160 * t) + 0.5 * np.sin(2 * np.pi * 390 * t) + 0.6 * maker.noise(0.14, 80, 1800)) * np.exp(-t * 45))
    return whole


def wind(maker, seconds=6.0):
    t = time(seconds)
    gusts = 0.35 + 0.3 * np.sin(2 * np.pi * t / 3.1) + 0.2 * np.sin(2 * np.pi * t / 1.7 + 1)
    return maker.pink(seconds, 1.0, 1400) * gusts + 0.3 * maker.noise(seconds, 380, 620) * gusts ** 2


def crickets(maker, seconds=4.0):
    t = time(seconds)
    gate = (np.sin(2 * np.pi * 28 * t) > 0) * (np.sin(2 * np.pi * 1.3 * t) > -0.2)
    return np.sin(2 * np.pi * 4300 * t) * gate + 0.02 * maker.noise(seconds)


def engine(maker, seconds=5.0, speed=32.0):
    t = time(seconds)
    turns = glide(speed * (1 + 0.35 * np.sin(2 * np.pi * t / seconds)))
    return sum(np.sin(2 * np.pi * n * turns + n) / n ** 0.7 for n in range(1, 24)) * 0.3 + 0.3 * maker.pink(seconds, 0.9, 3000)


def melody(maker, tune=(60, 64, 67, 72, 71, 67, 69, 65, 62, 60)):
    """Struck strings: overtones that die away."""
    whole = np.zeros(int((0.35 * len(tune) + 1) * RATE))
    for index, key in enumerate(tune):
        t, pitch = time(1.2), 440 * 2 ** ((key - 69) / 12)
        put(whole, 0.35 * index, sum(np.sin(2 * np.pi * pitch * n * t) / n ** 1.3 * np.exp(-t * (2 + n)) for n in range(1, 9)))
    return whole


# File: what makes it, with which chance and how.
SOUNDS = {
    "barking.wav": (bark, 1, {}), "rain.wav": (rain, 2, {}), "church-bell.ogg": (church_bell, 3, {}), "ticking.wav": (ticking, 4, {}),
    "waves.flac": (waves, 5, {}), "siren.mp3": (siren, 6, {}), "helicopter.wav": (helicopter, 7, {}), "birds.ogg": (birds, 8, {}),
    "knocking.wav": (knocking, 9, {}), "wind.flac": (wind, 10, {}), "crickets.wav": (crickets, 11, {}), "engine.mp3": (engine, 12, {}),
    "melody.wav": (melody, 13, {}),
}
SPOKEN = {
    "seven.wav": ("en-us", "seven"), "station.wav": ("en-us", "The train to Glasgow leaves at nine o'clock from platform four."),
    "anrufbeantworter.wav": ("de", "Guten Tag, hier ist die Zahnarztpraxis. Bitte rufen Sie morgen wieder an."),
}
QUESTIONS = {
    "bark.wav": (bark, 21, {"count": 3, "pitch": 360}), "rain.wav": (rain, 22, {"seconds": 3}), "bell.wav": (church_bell, 23, {"pitch": 370, "strokes": 2}),
    "clock.wav": (ticking, 24, {"beat": 0.4, "seconds": 4}), "sea.wav": (waves, 25, {"swell": 3.0, "seconds": 6}), "siren.wav": (siren, 26, {"cycle": 1.2}),
    "chirping.wav": (birds, 28, {"seconds": 4}), "motor.wav": (engine, 29, {"speed": 38}),
}
SPOKEN_QUESTIONS = {
    "seven.wav": ("en-gb", "seven"), "elephant.wav": ("en-gb", "an elephant"), "pizza.wav": ("en-us", "pizza"), "castillo.wav": ("es", "un castillo"),
}


def write(path: Path, samples: np.ndarray) -> None:
    plain = path if path.suffix == ".wav" else path.with_suffix(".whole.wav")
    with wave.open(str(plain), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((unit(samples) * 26_000).astype("<i2").tobytes())
    if plain != path:
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", plain, "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact", path], check=True)
        plain.unlink()


def speak(path: Path, voice: str, text: str) -> None:
    subprocess.run(["espeak-ng", "-v", voice, "-w", path, text], check=True)


def make(folder: Path) -> None:
    for name, (kind, seed, how) in SOUNDS.items():
        write(folder / name, kind(Maker(seed), **how))
    for name, (voice, text) in SPOKEN.items():
        speak(folder / name, voice, text)


def make_questions(folder: Path) -> None:
    for name, (kind, seed, how) in QUESTIONS.items():
        write(folder / f"sound-{name}", kind(Maker(seed), **how))
    for name, (voice, text) in SPOKEN_QUESTIONS.items():
        speak(folder / f"spoken-{name}", voice, text)
