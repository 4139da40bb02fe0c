#!/usr/bin/env python3
"""Trains texts, pictures, sounds and speech of castor-small together, in PyTorch on one core, or with --ranks on several.

    tools/training/joined_student.py TEXT-DATA DATA VIEWS OUT --texts STATE.pt --pictures STATE.pt --sounds STATE.pt --pairs PAIRS.npz --hours 4.5

TEXT-DATA is what text_targets_joined.py wrote, VIEWS as in media_student.py, the states those of text_student.py and media_student.py before the same unified blocks. OUT receives texts.pt, pictures.pt and sounds.pt, for
student_to_model.py and towers_to_model.py, beside last.pt and log.txt.

A step is a batch of texts after their teachers, a batch of one source of pictures, sounds or speech with what things are called in some language, both by the student (InfoNCE) and after the teachers, and in turn a stream of
text_student.py or a batch of captions with their pictures that have to find the caption in another language.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import sentencepiece
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))

import media_checks  # noqa: E402
from joined_batches import Captions  # noqa: E402
from joined_model import Joined  # noqa: E402
from layers import Products  # noqa: E402
from media_batches import Texts, batch_of, drawn_of  # noqa: E402
from media_student import Losses, read_sources  # noqa: E402
from optimisers import Muon  # noqa: E402
from progress import Progress  # noqa: E402
from prompts import Prompts  # noqa: E402
from ranks import Ranks  # noqa: E402
from student_checks import Checks  # noqa: E402
from text_batches import Data, Pairs  # noqa: E402
from text_losses import found_of_any_size, ordered, to_teacher_of_any_size, told_apart  # noqa: E402
from text_model import packed  # noqa: E402

KINDS = {"pictures": (64, 0.4), "sounds": (32, 0.2), "speech": (96, 0.4)}
"""How many make a batch, and the share of batches."""
TURNS = ("mixed", "long", "scored", "minimal", "code", "mixed", "long", "intents", "mixed", "minimal", "code", "long")
"""What a step has beside texts and media, in turn."""
COUNTS = {"mixed": 48, "minimal": 24, "scored": 64, "code": 48, "long": 16, "intents": 64}
WEIGHTS = {"mixed": 0.5, "minimal": 0.5, "scored": 0.05, "code": 0.2, "long": 0.5, "intents": 0.1}
MIXED = ("tuxpaint", "words", "noto-emoji")
TOGETHER = 24
"""Steps after which processes take the mean of their weights."""


class Parts:
    """The losses of a step."""

    def __init__(self, student: Joined, arguments, data: Data, pairs: Pairs, sources, texts: Texts, captions: Captions, prompts: Prompts):
        self.prompts = prompts
        self.student, self.arguments, self.data, self.pairs, self.sources, self.captions = student, arguments, data, pairs, sources, captions
        self.texts, self.of_kind = texts, {}
        for kind in sources:
            self.of_kind[kind] = Losses(student.tower_of(kind), {kind: sources[kind]}, texts)

    def embed(self, rows: list[np.ndarray]) -> torch.Tensor:
        return self.student.text(packed(rows, self.student.text.vocabulary, self.student.text.bigram_rows), keep=True)

    def after_teachers(self, y, t, same=None):
        return to_teacher_of_any_size(y, t, torch.eye(len(y), dtype=torch.bool) if same is None else same, (1, 1, 0.3), self.arguments.prefix)[0]

    def words(self, random) -> torch.Tensor:
        chosen = self.data.draw(random, self.arguments.batch)
        of = torch.from_numpy(self.data.target[chosen])
        return self.after_teachers(self.embed(self.prompts.before([self.data.row(i) for i in chosen], random)), self.data.vectors(chosen), of[:, None] == of[None])

    def media(self, random) -> tuple[str, torch.Tensor]:
        kinds = [kind for kind in KINDS if kind in self.sources]
        shares = np.array([KINDS[kind][1] for kind in kinds])
        kind = str(random.choice(kinds, p=shares / shares.sum()))
        source, chosen, views = drawn_of(self.sources[kind], random, KINDS[kind][0])
        numbers = [source.text(random, index) for index in chosen]
        batch = batch_of([(source, index, view) for index, view in zip(chosen, views)], random, self.arguments.keep)
        values, out = self.of_kind[kind].of(source, numbers, batch, self.arguments)
        value, has = sum(values.values()), [at for at, number in enumerate(numbers) if number >= 0]
        if len(has) > 1:
            y = self.embed([self.captions.row(self.captions.said(random, source, chosen[at], numbers[at])) for at in has])
            labels = torch.tensor([numbers[at] for at in has])
            value = value + self.arguments.together * found_of_any_size(torch.cat([out["y"][has], y]), labels, self.arguments.prefix)
            value = value + self.arguments.together * self.after_teachers(y, self.texts.vectors[labels], labels[:, None] == labels[None])
        return kind, value

    def mixed(self, random) -> torch.Tensor:
        source = random.choice([source for source in self.sources["pictures"] if source.name in MIXED])
        chosen, said = [], []
        for index in random.permutation(source.free)[: 2 * COUNTS["mixed"]]:
            number = source.text(random, index)
            two = self.captions.two(random, source, index, number) if number >= 0 else None
            if two and len(chosen) < COUNTS["mixed"]:
                chosen.append((index, number))
                said.append(two)
        batch = batch_of([(source, index, 0) for index, _ in chosen], random, self.arguments.keep)
        rows = [self.captions.row(first) for first, _ in said]
        y = self.student.mixed(packed(rows, self.student.text.vocabulary, self.student.text.bigram_rows), batch, random.random(len(chosen)) < 0.5, keep=True)
        y = torch.cat([y, self.embed([self.captions.row(second) for _, second in said])])
        return found_of_any_size(y, torch.tensor([number for _, number in chosen]), self.arguments.prefix)

    def turn(self, name: str, random) -> torch.Tensor:
        if name == "mixed":
            return self.mixed(random)
        if name == "long":
            rows, t = self.data.long(random, COUNTS[name])
            return self.after_teachers(self.embed(self.prompts.before(rows, random)), t)
        if name == "minimal":
            return told_apart(self.embed(self.pairs.minimal(random, COUNTS[name])))
        rows, what = getattr(self.pairs, name)(random, COUNTS[name])
        y = self.embed(self.prompts.before(rows, random))
        return ordered(y, what) if name == "scored" else found_of_any_size(y, what, self.arguments.prefix)


class OwnChecks:
    """Texts as in their own stage; media named and found by the student's own vectors of texts."""

    def __init__(self, student: Joined, parts: Parts, texts: Texts, checks: Checks):
        self.student, self.parts, self.texts, self.checks = student, parts, texts, checks

    def all(self) -> dict:
        result = self.checks.all()
        own = torch.from_numpy(self.checks.embed([self.parts.captions.row(text) for text in self.texts.number]))
        vectors, self.texts.vectors = self.texts.vectors, own
        for kind, of_kind in self.parts.sources.items():
            result[kind] = media_checks.Checks(self.student.tower_of(kind), {kind: of_kind}, self.texts, 200).all()
        self.texts.vectors = vectors
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("words", "data", "views", "out"):
        parser.add_argument(name, type=Path)
    for name in ("texts", "pictures", "sounds", "pairs"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--triplets", type=Path)
    parser.add_argument("--made", type=Path)
    parser.add_argument("--hours", type=float, required=True, help="processor time of each process")
    parser.add_argument("--ranks", type=int, default=1, help="processes, each with steps of its own, that take the mean of their weights every %d steps" % TOGETHER)
    parser.add_argument("--batch", type=int, default=160)
    parser.add_argument("--shares", type=float, nargs=4, default=(0.35, 0.55, 0.05, 0.05))
    parser.add_argument("--keep", type=float, default=0.75)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--table-rate", type=float, default=1e-3)
    for name, weight in (("together", 0.5), ("features", 1.0), ("neighbours", 0.2), ("names", 0.3), ("called", 0.3)):
        parser.add_argument(f"--{name}", type=float, default=weight)
    parser.add_argument("--prefix", type=float, default=0.3, help="weight of the losses for the first 128 values")
    parser.add_argument("--prompts", type=float, default=0.25, help="the share of texts that have a task's prompt in front")
    parser.add_argument("--evaluate-every", type=float, default=0.75)
    parser.add_argument("--everything", action="store_true", help="when all is decided: what was held out of media, and classes whose names were, are learned too, and checks tell nothing of them any more")
    parser.add_argument("--single", action="store_true", help="products in single precision, even where the processor has bfloat16")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.single:
        Products.type = torch.float32
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    ranks = Ranks(arguments.ranks)
    progress = Progress(arguments.out, arguments.hours, arguments.evaluate_every, tells=not ranks.rank)
    data, pairs, texts = Data(arguments.words, arguments.shares), Pairs(arguments.pairs), Texts(arguments.views / "texts")
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=data.info["tokenizer"])
    sources = {}
    for what in ("pictures", "sounds"):
        arguments.what = what
        sources |= read_sources(arguments, texts)
    states = {name: torch.load(getattr(arguments, name), weights_only=False) for name in ("texts", "pictures", "sounds")}
    student = Joined(states["texts"], {name: states[name] for name in ("pictures", "sounds")})
    parts = Parts(student, arguments, data, pairs, sources, texts, Captions(arguments.data, texts, tokenizer), Prompts(tokenizer, arguments.prompts))
    checks = OwnChecks(student, parts, texts, Checks(data, pairs, tokenizer, student.text, arguments.triplets))
    random = np.random.default_rng(1)
    named = dict(student.named_parameters())
    matrices = [value for name, value in named.items() if value.ndim == 2 and "patch_embedding" not in name]
    ids = {id(value) for value in matrices}
    muon, adam = Muon(matrices), torch.optim.Adam([value for value in named.values() if id(value) not in ids], lr=5e-4, betas=(0.9, 0.95))

    def state() -> dict:
        return {"weights": student.state_dict(), "tables": [table.state() for table in student.tables], "muon": muon.momentum, "adam": adam.state_dict(), "random": random.bit_generator.state}

    if before := progress.restored():
        student.load_state_dict(before["weights"])
        for table, saved in zip(student.tables, before["tables"]):
            table.load(saved)
        muon.load(before["muon"])
        adam.load_state_dict(before["adam"])
        random.bit_generator.state = before["random"]
    else:
        progress.say(vars(arguments))
        if not ranks.rank:
            progress.say("start", json.dumps(checks.all()))
    if ranks.rank:
        random = np.random.default_rng([progress.step, ranks.rank])
    ranks.begin(list(named.values()), [table.value for table in student.tables])
    progress.begin()
    average: dict[str, float] = {}
    share = progress.share
    while share < 1:
        factor = progress.factor
        kind, of_media = parts.media(random)
        name = TURNS[progress.step % len(TURNS)]
        values = {"words": parts.words(random), kind: of_media, name: WEIGHTS[name] * parts.turn(name, random)}
        sum(values.values()).backward()
        for table in student.tables:
            table.step(arguments.table_rate * factor)
        muon.step(arguments.rate * factor)
        for group in adam.param_groups:
            group["lr"] = 5e-4 * factor
        adam.step()
        for parameter in student.parameters():
            parameter.grad = None
        progress.count(steps=1)
        for name, value in values.items():
            average[name] = 0.95 * average.get(name, value.item()) + 0.05 * value.item()
        progress.after_step(average, state, checks.all)
        if ranks.count == 1 or progress.step % TOGETHER == 0:
            ranks.average()
            share = ranks.first(progress.share)
    ranks.end()
    if ranks.rank:
        return
    progress.say("end", json.dumps(checks.all() | {"steps": progress.step}))
    progress.save(arguments.out / "last.pt", state())
    progress.save(arguments.out / "texts.pt", {"weights": student.text.state_dict(), "tables": [table.state() for table in student.tables]})
    for what, tower in student.towers.items():
        progress.save(arguments.out / f"{what}.pt", {"weights": tower.state_dict()})


if __name__ == "__main__":
    sys.exit(main())
