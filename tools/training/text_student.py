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
import os
import sys
import time
from pathlib import Path

import numpy as np
import sentencepiece
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))

from optimisers import Muon  # noqa: E402
from student_checks import Checks  # noqa: E402
from text_batches import Data, Pairs  # noqa: E402
from text_losses import found, ordered, to_teacher, told_apart  # noqa: E402
from text_model import Student, packed  # noqa: E402

STREAMS = {"minimal": (2, 32, 0.2), "scored": (4, 96, 0.05), "code": (4, 96, 0.2), "intents": (8, 64, 0.1), "long": (8, 24, 0.5)}
"""Every so many steps, so many (fours, pairs, texts), with this weight."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hours", type=float, required=True, help="processor time; the last quarter of it the rates fall to zero")
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
    parser.add_argument("--pairs", type=Path, help="tools/data/text_pairs.py: without it no loss but the teachers'")
    parser.add_argument("--triplets", type=Path, help="minimal pairs to be checked with (tools/evaluation/minimal_pairs.py: development/triplets.tsv)")
    for name, (_, _, weight) in STREAMS.items():
        parser.add_argument(f"--{name}", type=float, default=weight)
    parser.add_argument("--shares", type=float, nargs=4, default=(0.35, 0.55, 0.05, 0.05), help="English, other languages, code, texts that stand alone")
    parser.add_argument("--pieces", type=Path, help="start: a vector of each piece (tools/data/piece_vectors.py)")
    parser.add_argument("--start", type=Path, help="start: last.pt or done.pt of another stage; what it lacks starts anew")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--evaluate-every", type=float, default=0.5, help="hours")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    data, pairs = Data(arguments.data, arguments.shares), Pairs(arguments.pairs) if arguments.pairs else None
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=data.info["tokenizer"])
    student = Student(tokenizer.get_piece_size(), arguments)
    random = np.random.default_rng(1)
    checks = Checks(data, pairs, tokenizer, student, arguments.triplets)

    def say(*words):
        line = " ".join(map(str, (time.strftime("%H:%M:%S"), *words)))
        print(line, flush=True)
        with open(arguments.out / "log.txt", "a") as file:
            print(line, file=file)

    matrices = [p for module in (student.blocks, student.unified) for p in module.parameters() if p.ndim == 2] + [student.head.weight]
    if student.bigrams:
        matrices.append(student.projection)
    ids = {id(p) for p in matrices}
    rest = [p for p in student.parameters() if id(p) not in ids]
    muon, adam = Muon(matrices), torch.optim.Adam(rest, lr=1e-3, betas=(0.9, 0.95))
    tables = [table for table in (student.embedding, student.bigrams) if table]
    spent, step, texts, tokens = 0.0, 0, 0, 0
    last = arguments.out / "last.pt"

    def save(path):
        state = {"weights": student.state_dict(), "tables": [table.state() for table in tables], "muon": muon.momentum, "adam": adam.state_dict(), "random": random.bit_generator.state,
                 "spent": spent + time.process_time() - began, "step": step, "texts": texts, "tokens": tokens, "arguments": {k: str(v) for k, v in vars(arguments).items()}}
        torch.save(state, path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)

    if last.exists():
        state = torch.load(last, weights_only=False)
        student.load_state_dict(state["weights"])
        for table, saved in zip(tables, state["tables"]):
            table.load(saved)
        for momentum, saved in zip(muon.momentum, state["muon"]):
            momentum.copy_(saved)
        adam.load_state_dict(state["adam"])
        random.bit_generator.state = state["random"]
        spent, step, texts, tokens = state["spent"], state["step"], state["texts"], state["tokens"]
        say("goes on at step", step, "after", round(spent / 3600, 2), "hours")
    else:
        if arguments.start:
            state = torch.load(arguments.start, weights_only=False)
            missing = student.load_state_dict(state["weights"], strict=False)
            for table, saved in zip(tables, state["tables"]):
                table.value = saved["value"]
            say("starts from", arguments.start, "without", missing.missing_keys[:6])
        elif arguments.pieces:
            student.embedding.value = torch.from_numpy(np.load(arguments.pieces).astype(np.float32))
        say(vars(arguments))
        if not arguments.start:
            checks.fit_head(random)
        say("start", json.dumps(checks.all()))
    began = time.process_time()
    torch.set_flush_denormal(True)
    beside: dict[str, float] = {}

    def embed(rows):
        return student(packed(rows, student.vocabulary, student.bigram_rows), keep=True)

    def extra(name: str, count: int):
        """The loss of a stream."""
        if name == "long":
            rows, t = data.long(random, count)
            cosine, divergence, contrast = to_teacher(embed(rows), t, torch.eye(len(t), dtype=torch.bool))
            return cosine + arguments.divergence * divergence + arguments.contrast * contrast
        if name == "minimal":
            return told_apart(embed(pairs.minimal(random, count)))
        rows, what = getattr(pairs, name)(random, count)
        return ordered(embed(rows), what) if name == "scored" else found(embed(rows), what)

    shown = saved_at = time.process_time()
    evaluated, average = spent, None
    while (progress := (spent + time.process_time() - began) / 3600 / arguments.hours) < 1:
        factor = min(1, (step + 1) / 50) * min(1, (1 - progress) * 4)
        chosen = data.draw(random, arguments.batch)
        of = torch.from_numpy(data.target[chosen])
        cosine, divergence, contrast = to_teacher(embed([data.row(i) for i in chosen]), data.vectors(chosen), of[:, None] == of[None])
        (cosine + arguments.divergence * divergence + arguments.contrast * contrast).backward()
        for name, (every, count, _) in STREAMS.items():
            if pairs and (weight := getattr(arguments, name)) and step % every == every - 1:
                value = extra(name, count)
                (weight * value).backward()
                beside[name] = 0.9 * beside.get(name, value.item()) + 0.1 * value.item()
        for table in tables:
            tokens += table is student.embedding and sum(len(ids) for ids, _ in table.kept)
            table.step(arguments.table_rate * factor)
        muon.step(arguments.rate * factor)
        for group in adam.param_groups:
            group["lr"] = 1e-3 * factor
        adam.step()
        for parameter in student.parameters():
            parameter.grad = None
        step += 1
        texts += len(chosen)
        figures = np.array([cosine.item() / 2, divergence.item(), contrast.item()])
        average = figures if average is None else 0.97 * average + 0.03 * figures
        now = time.process_time()
        if now - shown > 60:
            shown, used = now, spent + now - began
            say(f"step {step} {progress:.3f} 1-cos {average[0]:.4f} divergence {average[1]:.3f} contrast {average[2]:.3f} texts {texts:,} ({texts / used:.0f} a second of a core) "
                f"{' '.join(f'{name} {value:.3f}' for name, value in beside.items())} tokens {tokens / used:.0f}/s left {(1 - progress) * arguments.hours:.2f} core-hours")
        if now - saved_at > 600:
            saved_at = now
            save(last)
        if spent + now - began - evaluated > 3600 * arguments.evaluate_every:
            evaluated = spent + now - began
            say("check", step, json.dumps(checks.all()))
    say("end", json.dumps(checks.all() | {"steps": step, "texts": texts, "texts_a_second": round(texts / (3600 * arguments.hours))}))
    save(arguments.out / "done.pt")
    save(last)


if __name__ == "__main__":
    sys.exit(main())
