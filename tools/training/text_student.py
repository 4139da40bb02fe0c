#!/usr/bin/env python3
"""Trains the texts of castor-small (docs/model.md: token table, pairs of pieces, text blocks, unified blocks, head) after its teachers, in PyTorch on one core.

    tools/training/text_student.py DATA OUT --hours 2 --blocks 2 --unified 1 [--start OUT-OF-ANOTHER-STAGE/last.pt]

DATA is what tools/data/text_targets_joined.py wrote. OUT receives last.pt (every ten minutes, with optimiser, random numbers and the time spent), log.txt, and at the end
done.pt. Called again with the same OUT it goes on from last.pt. Time is processor time of this process, so that a run beside other work is the same run.

A step is a batch of texts after their teachers' vectors, and now and then a few that say what teachers do not (STREAMS): long texts, pairs that people scored, functions with what they do, texts of one intent, minimal
pairs. What makes it quick: texts of a batch are sorted by length and cut into chunks of nearly one length; of tables only the rows that a step touches are updated, and their gradient is never dense.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import sentencepiece
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))

from layers import Products  # noqa: E402
from optimisers import Muon  # noqa: E402
from progress import Progress  # noqa: E402
from prompts import Prompts  # noqa: E402
from student_checks import Checks  # noqa: E402
from text_batches import Data, Pairs  # noqa: E402
from text_losses import found_of_any_size, ordered, to_teacher_of_any_size, told_apart  # noqa: E402
from text_model import Student, packed  # noqa: E402

STREAMS = {"minimal": (2, 32, 0.2), "scored": (4, 96, 0.05), "code": (4, 96, 0.2), "intents": (8, 64, 0.1), "long": (8, 24, 0.5)}
"""Every so many steps, so many (fours, pairs, texts), with this weight."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hours", type=float, required=True, help="processor time")
    parser.add_argument("--fall", type=float, default=0.25, help="the last part of it, in which rates fall to zero")
    parser.add_argument("--blocks", type=int, default=0)
    parser.add_argument("--unified", type=int, default=0)
    parser.add_argument("--mlp", type=int, default=768)
    parser.add_argument("--unified-mlp", type=int, default=768)
    parser.add_argument("--heads", type=int, default=6)
    parser.add_argument("--bigrams", type=int, default=150_000)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--rate", type=float, default=2e-3, help="Muon's, for matrices")
    parser.add_argument("--table-rate", type=float, default=1e-2)
    parser.add_argument("--contrast", type=float, default=0.3)
    parser.add_argument("--divergence", type=float, default=1.0)
    parser.add_argument("--prefix", type=float, default=0.3, help="weight of the same for the first 128 values")
    parser.add_argument("--pairs", type=Path, help="tools/data/text_pairs.py: without it no loss but the teachers'")
    parser.add_argument("--triplets", type=Path, help="minimal pairs to be checked with (tools/evaluation/minimal_pairs.py: development/triplets.tsv)")
    for name, (_, _, weight) in STREAMS.items():
        parser.add_argument(f"--{name}", type=float, default=weight)
    parser.add_argument("--minimal-alone", action="store_true", help="minimal pairs move the blocks, not the tables, which would learn them by heart")
    parser.add_argument("--shares", type=float, nargs=4, default=(0.35, 0.55, 0.05, 0.05), help="English, other languages, code, texts that stand alone")
    parser.add_argument("--prompts", type=float, default=0.1, help="the share of texts that have a task's prompt in front")
    parser.add_argument("--pieces", type=Path, help="start: a vector of each piece (tools/data/piece_vectors.py)")
    parser.add_argument("--start", type=Path, help="start: last.pt or done.pt of another stage; what it lacks starts anew")
    parser.add_argument("--refit", action="store_true", help="with --start: turn the head toward these targets, whose axes may be others than those that START learned")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--evaluate-every", type=float, default=0.5, help="hours")
    parser.add_argument("--single", action="store_true", help="products in single precision, even where the processor has bfloat16")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.single:
        Products.type = torch.float32
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    progress = Progress(arguments.out, arguments.hours, arguments.evaluate_every, arguments.fall)
    data, pairs = Data(arguments.data, arguments.shares), Pairs(arguments.pairs) if arguments.pairs else None
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=data.info["tokenizer"])
    student = Student(tokenizer.get_piece_size(), arguments)
    random = np.random.default_rng(1)
    prompts = Prompts(tokenizer, arguments.prompts)
    checks = Checks(data, pairs, tokenizer, student, arguments.triplets)
    matrices = [p for module in (student.blocks, student.unified) for p in module.parameters() if p.ndim == 2] + [student.head.weight]
    if student.bigrams:
        matrices.append(student.projection)
    ids = {id(p) for p in matrices}
    muon, adam = Muon(matrices), torch.optim.Adam([p for p in student.parameters() if id(p) not in ids], lr=1e-3, betas=(0.9, 0.95))
    tables = [table for table in (student.embedding, student.bigrams) if table]

    def state() -> dict:
        return {"weights": student.state_dict(), "tables": [table.state() for table in tables], "muon": muon.momentum, "adam": adam.state_dict(), "random": random.bit_generator.state,
                "arguments": {name: str(value) for name, value in vars(arguments).items()}}

    if before := progress.restored():
        student.load_state_dict(before["weights"])
        for table, saved in zip(tables, before["tables"]):
            table.load(saved)
        muon.load(before["muon"])
        adam.load_state_dict(before["adam"])
        random.bit_generator.state = before["random"]
    else:
        progress.say(vars(arguments))
        if arguments.start:
            before = torch.load(arguments.start, weights_only=False)
            missing = student.load_state_dict(before["weights"], strict=False).missing_keys
            for table, saved in zip(tables, before["tables"]):
                table.value = saved["value"]
            progress.say("starts from", arguments.start, "without", missing[:6])
            if arguments.refit:
                checks.turn_head(random)
                progress.say("start", json.dumps(checks.all()))
        else:
            if arguments.pieces:
                student.embedding.value = torch.from_numpy(np.load(arguments.pieces).astype(np.float32))
            checks.fit_head(random)
            progress.say("start", json.dumps(checks.all()))
    progress.begin()
    beside: dict[str, float] = {}

    def told(**values: float) -> None:
        for name, value in values.items():
            beside[name] = 0.95 * beside.get(name, value) + 0.05 * value

    def embed(rows, keep=True):
        return student(packed(rows, student.vocabulary, student.bigram_rows), keep)

    def after_teachers(y, t, same):
        loss, (cosine, divergence, contrast) = to_teacher_of_any_size(y, t, same, (1, arguments.divergence, arguments.contrast), arguments.prefix)
        return loss, {"off": cosine.item() / 2, "divergence": divergence.item(), "contrast": contrast.item()}

    def extra(name: str, count: int):
        """The loss of a stream."""
        if name == "long":
            rows, t = data.long(random, count)
            return after_teachers(embed(prompts.before(rows, random)), t, torch.eye(len(t), dtype=torch.bool))[0]
        if name == "minimal":
            return told_apart(embed(pairs.minimal(random, count), keep=not arguments.minimal_alone))
        rows, what = getattr(pairs, name)(random, count)
        y = embed(prompts.before(rows, random))
        return ordered(y, what) if name == "scored" else found_of_any_size(y, what, arguments.prefix)

    while progress.share < 1:
        factor = progress.factor
        chosen = data.draw(random, arguments.batch)
        of = torch.from_numpy(data.target[chosen])
        loss, values = after_teachers(embed(prompts.before([data.row(i) for i in chosen], random)), data.vectors(chosen), of[:, None] == of[None])
        loss.backward()
        told(**values)
        for name, (every, count, _) in STREAMS.items():
            if pairs and (weight := getattr(arguments, name)) and progress.step % every == every - 1:
                value = extra(name, count)
                (weight * value).backward()
                told(**{name: value.item()})
        progress.count(texts=len(chosen), tokens=sum(len(ids) for ids, _ in student.embedding.kept))
        for table in tables:
            table.step(arguments.table_rate * factor)
        muon.step(arguments.rate * factor)
        for group in adam.param_groups:
            group["lr"] = 1e-3 * factor
        adam.step()
        for parameter in student.parameters():
            parameter.grad = None
        progress.after_step(beside, state, checks.all)
    progress.say("end", json.dumps(checks.all() | {"steps": progress.step} | progress.counts))
    progress.save(arguments.out / "last.pt", state())
    progress.save(arguments.out / "done.pt", state())


if __name__ == "__main__":
    sys.exit(main())
