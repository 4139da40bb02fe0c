"""What is asked of the collection that media.py makes, and what ought to be found.

Every question was written before anything was searched, as a person would ask it. Those in `HELD` find one of the wanted items among the first three with the
shipped model; those in `MISSED` do not, and the test says so as soon as one of them does.
"""

import dataclasses
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
FIRST = 3


@dataclasses.dataclass(frozen=True)
class Question:
    """`parts` are texts and `@files` of the questions' folder; `wanted` names files, of a PDF also the page as in `manual.pdf 2`; `types` none is all."""

    kind: str
    parts: tuple
    wanted: tuple
    types: tuple = ()

    @property
    def name(self):
        return f"{self.kind}: {' + '.join(self.parts)}"


def ask(kind, types, *rows):
    for *parts, wanted in rows:
        yield Question(kind, tuple(parts), tuple(wanted.split("|")), types)


def all_questions():
    yield from ask(
        "text to picture", ("image",),
        ("a dog", "dog.jpg"), ("a cat", "cat.png"), ("an elephant", "elephant.webp"), ("a slice of pizza", "pizza.jpg"), ("a red apple", "apple.png"),
        ("a loaf of bread", "bread.jpg"), ("a birthday cake with candles", "cake.png"), ("a beach with palm trees", "beach.jpg"), ("snow on top of a mountain", "mountain.png"),
        ("a bird with colourful feathers", "parrot.jpg"), ("ein Fahrrad", "bicycle.jpg"), ("ein Schmetterling", "butterfly.png"), ("un château", "castle.jpg"),
        ("un cheval qui court", "horse.jpg"), ("un avión", "airplane.jpg"), ("plátanos", "bananas.webp"), ("a musical instrument", "guitar.jpg"),
        ("it wakes me up in the morning", "alarm-clock.png"), ("where a king lives", "castle.jpg"), ("a rainy day", "umbrella.jpg"))
    yield from ask(
        "picture to picture", ("image",),
        ("@drawn-car.png", "car.png"), ("@drawn-dog.png", "dog.jpg"), ("@drawn-cat.png", "cat.png"), ("@drawn-house.png", "house.webp"), ("@drawn-tree.png", "tree.png"),
        ("@drawn-sea.png", "beach.jpg"), ("@drawn-apple.png", "apple.png"), ("@drawn-bicycle.png", "bicycle.jpg"), ("@drawn-bird.png", "parrot.jpg"),
        ("@drawn-fish.png", "fish.png"), ("@drawn-flower.png", "sunflower.jpg"), ("@drawn-clock.png", "alarm-clock.png"))
    yield from ask(
        "text to sound", ("audio",),
        ("a dog barks", "barking.wav"), ("rain", "rain.wav"), ("church bells", "church-bell.ogg"), ("a clock is ticking", "ticking.wav"),
        ("waves of the sea", "waves.flac"), ("a police siren", "siren.mp3"), ("a helicopter", "helicopter.wav"), ("birds singing in the morning", "birds.ogg"),
        ("someone knocks at the door", "knocking.wav"), ("ein Hund bellt", "barking.wav"), ("lluvia", "rain.wav"), ("le vent", "wind.flac"),
        ("the number seven", "seven.wav"), ("when does the train leave", "station.wav"))
    yield from ask(
        "sound to sound", ("audio",),
        ("@sound-bark.wav", "barking.wav"), ("@sound-rain.wav", "rain.wav"), ("@sound-bell.wav", "church-bell.ogg"), ("@sound-siren.wav", "siren.mp3"),
        ("@spoken-seven.wav", "seven.wav"))
    yield from ask(
        "sound to picture", ("image",),
        ("@sound-bark.wav", "dog.jpg"), ("@sound-chirping.wav", "parrot.jpg|rooster.jpg"), ("@sound-rain.wav", "umbrella.jpg"), ("@sound-clock.wav", "alarm-clock.png"),
        ("@sound-sea.wav", "beach.jpg"), ("@sound-motor.wav", "car.png|train.png"), ("@spoken-elephant.wav", "elephant.webp"), ("@spoken-pizza.wav", "pizza.jpg"),
        ("@spoken-castillo.wav", "castle.jpg"))
    yield from ask(
        "picture to sound", ("audio",),
        ("@drawn-dog.png", "barking.wav"), ("@drawn-clock.png", "ticking.wav"), ("@drawn-sea.png", "waves.flac"), ("@drawn-bird.png", "birds.ogg"))
    yield from ask(
        "picture and text", ("image",),
        ("@drawn-house.png", "where a king lives", "castle.jpg"), ("@drawn-car.png", "it flies", "airplane.jpg"), ("@drawn-apple.png", "yellow, and one peels it", "bananas.webp"),
        ("@drawn-flower.png", "an insect sits on it", "butterfly.png"))
    yield from ask(
        "picture and text", (),
        ("@drawn-dog.png", "how do I train it", "puppy.md"), ("@drawn-apple.png", "how to bake a pie with it", "apple-pie.pdf 1"),
        ("@drawn-bicycle.png", "how do I repair a flat tyre", "bicycle-manual.pdf 2"), ("@drawn-fish.png", "how to cook a soup of it", "sopa.txt"),
        ("@drawn-clock.png", "when does the train leave", "horaires.txt|station.wav"))
    yield from ask("picture and text", ("audio",), ("@drawn-dog.png", "it barks", "barking.wav"), ("@drawn-sea.png", "the noise of the waves", "waves.flac"))
    yield from ask(
        "text to film", ("image", "video"),
        ("a car drives by", "car.mp4"), ("a fish swims", "fish.mp4"), ("a balloon rises into the sky", "balloon.webm"), ("a rocket flies to the moon", "rocket.mp4"),
        ("ein Pferd galoppiert über die Wiese", "horse.mp4"), ("un balón de fútbol", "ball.mp4"))
    yield from ask("picture to film", ("video",), ("@drawn-car.png", "car.mp4"), ("@drawn-fish.png", "fish.mp4"))
    yield from ask(
        "text to page", (),
        ("how to bake an apple pie", "apple-pie.pdf 1"), ("what do I serve with the pie", "apple-pie.pdf 2"), ("my bicycle has a flat tyre", "bicycle-manual.pdf 2"),
        ("wie hoch ist die Miete", "mietvertrag.pdf 1"), ("how do I give notice to my landlord", "mietvertrag.pdf 2"), ("aceite para la cadena de la bicicleta", "bicycle-manual.pdf 1"))
    yield from ask(
        "text to text", (),
        ("a small cat that is tired", "kitten.txt"), ("will it rain tomorrow", "wetter.txt"), ("when does the train to Lyon leave", "horaires.txt"),
        ("fish soup", "sopa.txt"), ("when is the museum open", "museo.html"), ("how does the bishop move in chess", "xadrez.txt"), ("I have a toothache", "tandarts.txt"),
        ("stars in the night sky", "hoshi.txt"), ("function that sorts a list", "sort.py"), ("Wann schneidet man Rosen?", "garden.md"),
        ("quand l'homme a-t-il marché sur la lune", "moon.srt"), ("what do the chairs cost", "invoice.txt"))


def make(folder):
    """The collection and the questions' files; Debian's own Python has Pillow, cairo and NumPy."""
    subprocess.run(["/usr/bin/python3", HERE / "media.py", folder], check=True)
    return folder


def environment():
    """With the shipped model, whatever the machine's user has set."""
    return {**os.environ, "CASTOR_MODEL": str(ROOT / "weights/castor-small")}


def index(program, folder, path):
    subprocess.run([program, "index", "--index", path, folder / "collection"], check=True, capture_output=True, env=environment())
    return path


def label(path, page):
    return pathlib.Path(path).name + (f" {page}" if page else "")


def rank(found, wanted):
    """The place of the first wanted one among labels, from 1; none is None."""
    return next((place for place, one in enumerate(found, 1) if one in wanted), None)
