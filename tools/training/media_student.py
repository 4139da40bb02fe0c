#!/usr/bin/env python3
"""Trains the picture or the sound tower of castor-small after its teachers, in PyTorch on one core.

    tools/training/media_student.py pictures DATA VIEWS OUT --texts TEXT-STATE.pt --hours 3
    tools/training/media_student.py sounds DATA VIEWS OUT --texts TEXT-STATE.pt --hours 3      sounds and speech

DATA is the training data pack, VIEWS a folder with pictures/, sounds/, speech/ of media_teachers.py, views/ of media_views.py and texts/ of media_texts.py. The unified blocks and the head are those of
TEXT-STATE (text_student.py) and stay as they are; texts are their teachers' vectors, which that student follows. OUT receives last.pt every ten minutes, log.txt and at the end done.pt; called again, it goes on. Time is
processor time of this process.

A batch is of one source. Its losses: the teacher's features of the same view, and the order of their neighbours; the teacher's classes by the cosines to their names' vectors; what the file is called, among all classes of its
set or the texts of the batch; for speech, the teacher's features of each 80 ms.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))

import media_files  # noqa: E402
from layers import Products  # noqa: E402
from media_batches import FEATURES, Source, Texts, drawn  # noqa: E402
from media_checks import Checks  # noqa: E402
from media_losses import alike, called, named, neighbours  # noqa: E402
from media_model import MediaStudent  # noqa: E402
from optimisers import Muon  # noqa: E402
from progress import Progress  # noqa: E402
from text_losses import sizes  # noqa: E402

KINDS = {"pictures": ("image", {"pictures": (128, 1.0)}), "sounds": ("audio", {"sounds": (48, 0.5), "speech": (128, 0.5)})}
"""Tower; of each kind of files, how many make a batch and the share of batches."""


def read_sources(arguments, texts: Texts) -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = {}
    for kind in KINDS[arguments.what][1]:
        names = {"pictures": media_files.PICTURES, "sounds": media_files.SOUNDS, "speech": media_files.SPEECH}[kind]
        for name in names:
            files = media_files.speech(arguments.data, name, arguments.made) if kind == "speech" else getattr(media_files, kind)(arguments.data, name)
            source = Source(kind, name, files, arguments.views / "views", arguments.views, texts, arguments.everything)
            if source.views:
                found.setdefault(kind, []).extend(source.parts())
    return found


class Losses:
    """Of a batch, by name."""

    def __init__(self, student: MediaStudent, sources: dict[str, list[Source]], texts: Texts):
        self.student, self.texts, self.scales, self.classes = student, texts, {}, {}
        for kind, of_kind in sources.items():
            some = np.concatenate([source.views[0][2][:: max(1, len(source.views[0][2]) // 1500), : FEATURES[kind]].astype(np.float32) for source in of_kind])
            self.scales[kind] = torch.from_numpy(some.mean(0)), torch.from_numpy(some.std(0) + 1e-3)
            for source in of_kind:
                if source.set:
                    learned = {source.labels[index] for index in source.free if not source.nameless[index]}
                    self.classes[source.set] = torch.tensor(sorted(learned | set(self.classes.get(source.set, torch.tensor([])).tolist())))

    def __call__(self, source: Source, numbers: list[int], batch: dict, weights) -> dict[str, torch.Tensor]:
        return self.of(source, numbers, batch, weights)[0]

    def of(self, source: Source, numbers: list[int], batch: dict, weights) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """The losses, and what the student made of the batch."""
        kind, out, found = source.kind, self.student(batch), {}
        mean, deviation = self.scales[kind]
        features = (batch["features"] - mean) / deviation
        probe = self.student.features[kind](out["tokens"][batch["listened"]] if kind == "speech" else out["means"])
        found["features"] = weights.features * alike(probe, features)
        if kind != "speech":
            found["neighbours"] = weights.neighbours * neighbours(probe, features)
            found["names"] = weights.names * sum(share * named(cut(out["y"]), batch["logits"], cut(self.texts.names[kind])) for share, cut in sizes(weights.prefix))
        texts = torch.tensor(numbers)
        has = torch.nonzero(texts >= 0)[:, 0]
        if len(has) > 1:
            among = self.classes[source.set] if source.set else texts[has].unique()
            found["called"] = weights.called * sum(
                share * called(cut(out["y"][has]), texts[has], cut(self.texts.vectors[texts[has]]), among, cut(self.texts.vectors[among])) for share, cut in sizes(weights.prefix)
            )
        return found, out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=KINDS)
    parser.add_argument("data", type=Path)
    parser.add_argument("views", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--texts", type=Path, required=True, help="last.pt or done.pt of text_student.py")
    parser.add_argument("--start", type=Path, help="a tower to go on from: done.pt or last.pt of this program")
    parser.add_argument("--made", type=Path, help="folder of synthetic speech (tools/data/speech.py)")
    parser.add_argument("--hours", type=float, required=True, help="processor time; the last quarter of it the rates fall to zero")
    parser.add_argument("--blocks", type=int, default=2)
    parser.add_argument("--mlp", type=int, default=1536)
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--keep", type=float, default=0.5, help="share of a content's patches that training sees")
    parser.add_argument("--rate", type=float, default=2e-3, help="Muon's, for matrices")
    parser.add_argument("--features", type=float, default=2.0)
    parser.add_argument("--neighbours", type=float, default=0.3)
    parser.add_argument("--names", type=float, default=0.5)
    parser.add_argument("--called", type=float, default=0.5)
    parser.add_argument("--prefix", type=float, default=0.3, help="weight of the losses of names for the first 128 values")
    parser.add_argument("--evaluate-every", type=float, default=0.5, help="hours")
    parser.add_argument("--everything", action="store_true", help="when all is decided: what was held out of media, and classes whose names were, are learned too, and checks tell nothing of them any more")
    parser.add_argument("--single", action="store_true", help="products in single precision, even where the processor has bfloat16")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.single:
        Products.type = torch.float32
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    progress = Progress(arguments.out, arguments.hours, arguments.evaluate_every)
    tower, kinds = KINDS[arguments.what]
    texts = Texts(arguments.views / "texts")
    sources = read_sources(arguments, texts)
    of_texts = torch.load(arguments.texts, weights_only=False)
    unified = [value for name, value in of_texts["weights"].items() if name.startswith("unified.") and name.endswith("up.weight")]
    arguments.unified, arguments.unified_mlp = len(unified), len(unified[0]) if unified else 0
    student = MediaStudent(tower, arguments, {kind: FEATURES[kind] for kind in sources})
    student.take_texts(of_texts)
    random = np.random.default_rng(1)
    losses, checks = Losses(student, sources, texts), Checks(student, sources, texts)
    matrices = [*(p for p in student.blocks.parameters() if p.ndim == 2), *(probe.weight for probe in student.features.values())]
    ids = {id(p) for p in matrices}
    muon, adam = Muon(matrices), torch.optim.Adam([p for p in student.parameters() if id(p) not in ids and p.requires_grad], lr=1e-3, betas=(0.9, 0.95))

    def state() -> dict:
        return {"weights": student.state_dict(), "muon": muon.momentum, "adam": adam.state_dict(), "random": random.bit_generator.state, "arguments": {name: str(value) for name, value in vars(arguments).items()}}

    if before := progress.restored():
        student.load_state_dict(before["weights"])
        muon.load(before["muon"])
        adam.load_state_dict(before["adam"])
        random.bit_generator.state = before["random"]
    else:
        progress.say(vars(arguments))
        progress.say({kind: [(source.name, len(source.files), len(source.views)) for source in of_kind] for kind, of_kind in sources.items()})
        if arguments.start:
            student.take_tower(torch.load(arguments.start, weights_only=False))
            progress.say("start", json.dumps(checks.all()))
        else:
            student.start_patches(torch.cat([drawn(of_kind, random, 64, 0.3)[2]["patches"] for of_kind in sources.values() for _ in range(24)]))
    progress.begin()
    average: dict[str, float] = {}
    names, shares = zip(*((kind, share) for kind, (_, share) in kinds.items() if kind in sources))
    while progress.share < 1:
        factor = progress.factor
        kind = random.choice(names, p=np.array(shares) / sum(shares))
        source, numbers, batch = drawn(sources[kind], random, kinds[kind][0], arguments.keep)
        found = losses(source, numbers, batch, arguments)
        sum(found.values()).backward()
        muon.step(arguments.rate * factor)
        for group in adam.param_groups:
            group["lr"] = 1e-3 * factor
        adam.step()
        for parameter in student.parameters():
            parameter.grad = None
        progress.count(**{kind: len(numbers)})
        for name, value in found.items():
            average[f"{kind} {name}"] = 0.95 * average.get(f"{kind} {name}", value.item()) + 0.05 * value.item()
        progress.after_step(average, state, checks.all)
    progress.say("end", json.dumps(checks.all() | {"steps": progress.step} | progress.counts))
    progress.save(arguments.out / "last.pt", state())
    progress.save(arguments.out / "done.pt", state())


if __name__ == "__main__":
    sys.exit(main())
