#!/usr/bin/env python3
"""Trains the texts of castor-small (docs/model.md: token table, pairs of pieces, text blocks, unified blocks, head) after its teachers, in PyTorch on one core.

    tools/training/text_student.py DATA OUT --hours 2 --blocks 2 --unified 1 [--start OUT-OF-ANOTHER-STAGE/last.pt]

DATA is what tools/data/text_targets_joined.py wrote. OUT receives last.pt (every ten minutes, with optimiser, random numbers and the time spent), log.txt, and at the end
done.pt. Called again with the same OUT it goes on from last.pt. Time is processor time of this process, so that a run beside other work is the same run.

What makes it quick: texts of a batch are sorted by length and cut into chunks of nearly one length, so that there is next to no padding and products see all tokens at once; of tables only
the rows that a batch touches are updated; the table's gradient is never dense.
"""
import argparse
import json
import math
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "data"))

WIDTH, EPSILON, CHUNK, LONGEST = 384, 1e-6, 64, 64
END = 1


class Norm(torch.autograd.Function):
    """x / rms(x) * g; written out, because the composed one keeps four arrays of the size of x."""

    @staticmethod
    def forward(context, x, weight):
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON)
        context.save_for_backward(x, weight, scale)
        return x * scale * weight

    @staticmethod
    def backward(context, dy):
        x, weight, scale = context.saved_tensors
        normed = x * scale
        dweight = (dy * normed).sum(0)
        dn = dy * weight
        dn -= normed * (dn * normed).mean(-1, keepdim=True)
        return dn.mul_(scale), dweight


class Attention(torch.autograd.Function):
    """Of rotated queries and keys, a chunk of texts at a time, from and to one array of all tokens: sliced and joined by autograd, each chunk would cost an array of zeros."""

    @staticmethod
    def turn(x, cos, sin, out):
        """[T, 2, heads, D]: pairs of components (i, i + D / 2), docs/model.md section 3."""
        half = x.shape[-1] // 2
        a, b = x[..., :half], x[..., half:]
        first, second = torch.mul(a, cos).addcmul_(b, sin, value=-1), torch.mul(a, sin).addcmul_(b, cos)
        out[..., :half], out[..., half:] = first, second

    @staticmethod
    def parts(array, start, count, length):
        """[T, parts, heads, D] -> parts of [count, heads, length, D]"""
        return array[start : start + count * length].view(count, length, *array.shape[1:]).permute(2, 0, 3, 1, 4)

    @staticmethod
    def forward(context, qkv, chunks, cos, sin):
        turned = torch.empty_like(qkv)
        Attention.turn(qkv[:, :2], cos, sin, turned[:, :2])
        turned[:, 2] = qkv[:, 2]
        out, sums = torch.empty(len(qkv), 1, *qkv.shape[2:]), []
        for start, count, length, mask in chunks:
            q, k, v = Attention.parts(turned, start, count, length)
            mixed, total = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, False, attn_mask=mask)
            Attention.parts(out, start, count, length)[0].copy_(mixed)
            sums.append(total)
        context.save_for_backward(turned, out, cos, sin, *sums)
        context.chunks = chunks
        return out.view(len(qkv), -1)

    @staticmethod
    def backward(context, dout):
        turned, out, cos, sin, *sums = context.saved_tensors
        gradient, dout = torch.empty_like(turned), dout.view(out.shape)
        for (start, count, length, mask), total in zip(context.chunks, sums):
            q, k, v = Attention.parts(turned, start, count, length)
            mixed, dmixed = (Attention.parts(array, start, count, length)[0] for array in (out, dout))
            found = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(dmixed, q, k, v, mixed, total, 0.0, False, attn_mask=mask)
            for to, part in zip(Attention.parts(gradient, start, count, length), found):
                to.copy_(part)
        Attention.turn(gradient[:, :2], cos, -sin, gradient[:, :2])
        return gradient, None, None, None


class Means(torch.autograd.Function):
    """The mean of the tokens of each text, [texts, width]."""

    @staticmethod
    def forward(context, x, weights, chunks):
        context.save_for_backward(weights)
        context.chunks, context.shape = chunks, x.shape
        return torch.cat([(weights[s : s + n * t].view(n, 1, t) @ x[s : s + n * t].view(n, t, -1))[:, 0] for s, n, t, _ in chunks])

    @staticmethod
    def backward(context, dy):
        weights, = context.saved_tensors
        dx, at = torch.empty(context.shape), 0
        for s, n, t, _ in context.chunks:
            torch.mul(weights[s : s + n * t].view(n, t, 1), dy[at : at + n, None], out=dx[s : s + n * t].view(n, t, -1))
            at += n
        return dx, None, None


class Block(nn.Module):
    def __init__(self, mlp: int, heads: int, depth: int):
        super().__init__()
        self.heads = heads
        self.attention_norm, self.mlp_norm = nn.Parameter(torch.ones(WIDTH)), nn.Parameter(torch.ones(WIDTH))
        self.qkv, self.output = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, mlp, bias=False), nn.Linear(mlp, WIDTH, bias=False)
        for layer in (self.qkv, self.up):
            nn.init.normal_(layer.weight, std=layer.in_features ** -0.5)
        for layer in (self.output, self.down):
            # Small, so that random blocks do not drown the words.
            nn.init.normal_(layer.weight, std=0.2 * (2 * depth * layer.in_features) ** -0.5)

    def forward(self, x, chunks, cos, sin):
        qkv = self.qkv(Norm.apply(x, self.attention_norm)).view(len(x), 3, self.heads, -1)
        x = x + self.output(Attention.apply(qkv, chunks, cos, sin))
        return x + self.down(F.gelu(self.up(Norm.apply(x, self.mlp_norm)), approximate="tanh"))


class RowTable:
    """A table of which a step touches few rows: Adam (Kingma and Ba 2015) on those alone."""

    def __init__(self, value: torch.Tensor):
        self.value, self.first, self.second = value, torch.zeros_like(value), torch.zeros_like(value)
        self.steps = 0

    def gather(self, ids: torch.Tensor, keep: bool) -> torch.Tensor:
        rows = self.value[ids]
        if keep:
            self.ids, self.rows = ids, rows.requires_grad_()
        return rows

    def step(self, rate: float) -> None:
        self.steps += 1
        rows, place = self.ids.unique(return_inverse=True)
        gradient = torch.zeros(len(rows), self.value.shape[1]).index_add_(0, place, self.rows.grad)
        first = self.first[rows].lerp_(gradient, 0.1)
        second = self.second[rows].lerp_(gradient.square_(), 0.02)
        self.first[rows], self.second[rows] = first, second
        change = first.div_(second.sqrt_().add_(1e-10)) * (math.sqrt(1 - 0.98**self.steps) / (1 - 0.9**self.steps))
        self.value.index_add_(0, rows, change, alpha=-rate)

    def state(self):
        return {"value": self.value, "first": self.first, "second": self.second, "steps": self.steps}

    def load(self, state):
        self.value, self.first, self.second, self.steps = state["value"], state["first"], state["second"], state["steps"]


class Student(nn.Module):
    def __init__(self, vocabulary: int, arguments):
        super().__init__()
        self.vocabulary, self.bigram_rows = vocabulary, arguments.bigrams
        self.embedding = RowTable(torch.randn(vocabulary, WIDTH))
        self.bigrams = RowTable(torch.zeros(arguments.bigrams, 64)) if arguments.bigrams else None
        self.projection = nn.Parameter(torch.eye(WIDTH, 64)) if arguments.bigrams else None
        depth = arguments.blocks + arguments.unified
        self.blocks = nn.ModuleList(Block(arguments.mlp, arguments.heads, depth) for _ in range(arguments.blocks))
        self.unified = nn.ModuleList(Block(arguments.unified_mlp, arguments.heads, depth) for _ in range(arguments.unified))
        self.text_norm, self.norm = nn.Parameter(torch.ones(WIDTH)), nn.Parameter(torch.ones(WIDTH))
        self.modality = nn.Parameter(torch.zeros(WIDTH))
        self.head = nn.Linear(WIDTH, WIDTH, bias=False)
        nn.init.eye_(self.head.weight)
        pairs = WIDTH // arguments.heads // 2
        angles = torch.arange(512, dtype=torch.float64)[:, None] * 10_000 ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
        self.cos, self.sin = angles.cos().float(), angles.sin().float()

    def pooled(self, batch, keep: bool = False):
        """[texts, width], in the order of the batch's rows."""
        x = self.embedding.gather(batch["ids"], keep)
        if self.bigrams:
            x = x + self.bigrams.gather(batch["bigrams"], keep) @ self.projection.T
        cos, sin = (table[batch["places"]][:, None, None, :] for table in (self.cos, self.sin)) if self.blocks or self.unified else (None, None)
        for block in self.blocks:
            x = block(x, batch["chunks"], cos, sin)
        x = Norm.apply(x, self.text_norm) + self.modality
        for block in self.unified:
            x = block(x, batch["chunks"], cos, sin)
        x = Norm.apply(x, self.norm)
        return Means.apply(x, batch["weights"], batch["chunks"])[batch["back"]]

    def forward(self, batch, keep: bool = False):
        return F.normalize(self.head(self.pooled(batch, keep)), dim=1)


def packed(rows: list[np.ndarray], vocabulary: int, bigram_rows: int):
    """Texts sorted by length, in chunks of nearly one length, one behind the other."""
    lengths = np.array([len(row) for row in rows])
    order = np.argsort(lengths, kind="stable")
    ids, before, places, weights, chunks, at = [], [], [], [], [], 0
    for start in range(0, len(order), CHUNK):
        mine = order[start : start + CHUNK]
        n, longest = len(mine), int(lengths[mine[-1]])
        here = np.zeros((n, longest), np.int64)
        for index, row in enumerate(mine):
            here[index, : lengths[row]] = rows[row]
        mask = np.arange(longest)[None] < lengths[mine][:, None]
        ids.append(here.ravel())
        before.append(np.concatenate([np.full((n, 1), vocabulary), here[:, :-1]], 1).ravel())
        places.append(np.tile(np.arange(longest), n))
        weights.append((mask / lengths[mine][:, None]).astype(np.float32).ravel())
        chunks.append((at, n, longest, None if mask.all() else torch.from_numpy(np.where(mask, 0, -np.inf).astype(np.float32))[:, None, None, :]))
        at += n * longest
    back = np.empty(len(order), np.int64)
    back[order] = np.arange(len(order))
    ids, before = np.concatenate(ids), np.concatenate(before)
    batch = {"ids": torch.from_numpy(ids), "places": torch.from_numpy(np.concatenate(places)), "weights": torch.from_numpy(np.concatenate(weights)),
             "chunks": chunks, "back": torch.from_numpy(back)}
    if bigram_rows:
        # docs/model.md, section 4.
        low = np.uint64(0xFFFFFFFF)
        x = (np.uint64(2654435761) * before.astype(np.uint64) + np.uint64(2246822519) * ids.astype(np.uint64)) & low
        x ^= x >> np.uint64(15)
        x = (x * np.uint64(3266489917)) & low
        x ^= x >> np.uint64(13)
        batch["bigrams"] = torch.from_numpy((x % np.uint64(bigram_rows)).astype(np.int64))
    return batch


class Muon:
    """Jordan et al. 2024: momentum, made orthogonal by five Newton-Schulz steps."""

    def __init__(self, parameters):
        self.parameters = list(parameters)
        self.momentum = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for parameter, momentum in zip(self.parameters, self.momentum):
            momentum.mul_(0.9).add_(parameter.grad)
            x = parameter.grad + 0.9 * momentum
            x = x / (x.norm() + 1e-7)
            tall = x.shape[0] > x.shape[1]
            x = x.T if tall else x
            for _ in range(5):
                a = x @ x.T
                x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
            parameter.sub_(x.T if tall else x, alpha=rate * 0.2 * max(parameter.shape) ** 0.5)


class Data:
    """What a step takes: a share of English, of other languages (each by a power of how much there is), of code, of texts that stand alone."""

    def __init__(self, folder: Path, shares: list[float], power: float = 0.5):
        arrays = np.load(folder / "arrays.npz")
        self.offsets, self.targets, self.target, self.held = arrays["off"], arrays["V"], arrays["tgt"], arrays["held"]
        self.kind, self.language, self.english = arrays["kind"], arrays["lang"], int(arrays["nE"])
        self.ids = np.fromfile(folder / "ids.u16", np.uint16)
        self.info = json.loads((folder / "info.json").read_text())
        free = ~self.held
        groups = [self.kind < 10, (self.kind >= 10) & (self.kind < 20), self.kind == 20, self.kind >= 30]
        self.groups, self.shares = [], []
        for group, share in zip(groups, shares):
            if share and (group & free).any():
                members = np.flatnonzero(group & free)
                parts = np.split(members[np.argsort(self.language[members], kind="stable")], np.cumsum(np.bincount(self.language[members]))[:-1])
                parts = [part for part in parts if len(part)]
                weight = np.array([len(part) for part in parts], float) ** power
                self.groups.append((parts, weight / weight.sum()))
                self.shares.append(share)
        self.shares = np.array(self.shares) / sum(self.shares)

    def row(self, index: int, longest: int = LONGEST) -> np.ndarray:
        start, end = self.offsets[index], self.offsets[index + 1]
        row = self.ids[start:end]
        return row if len(row) <= longest else np.concatenate([row[: longest - 1], row[-1:]])

    def draw(self, random: np.random.Generator, count: int) -> np.ndarray:
        found = []
        for (parts, weight), wanted in zip(self.groups, random.multinomial(count, self.shares)):
            for part, number in zip(parts, random.multinomial(wanted, weight)):
                if number:
                    found.append(part[random.integers(0, len(part), number)])
        return np.concatenate(found)

    def vectors(self, indices: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self.targets[self.target[indices]].astype(np.float32))


def losses(y, t, same, arguments):
    """Cosine to the teacher; the order of its neighbours, among the teacher's vectors and among the student's own; the text's own vector among all."""
    scale = 1 / 0.05
    among = torch.where(same, -1e4, t @ t.T * scale).softmax(1)
    by_teacher = torch.where(same, -1e4, y @ t.T * scale)
    by_student = torch.where(same, -1e4, y @ y.T * scale)
    entropy = torch.special.entr(among).sum(1).mean()
    divergence = -(among * by_teacher.log_softmax(1)).sum(1).mean() - (among * by_student.log_softmax(1)).sum(1).mean() - 2 * entropy
    own = (y * t).sum(1)
    contrast = (torch.cat([own[:, None] * scale, by_teacher], 1).logsumexp(1) - own * scale).mean()
    return 2 * (1 - own).mean(), divergence / 2, contrast


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
    parser.add_argument("--minimal", type=float, default=0.0)
    parser.add_argument("--pairs", type=Path, help="folder of minimal pairs (tools/evaluation/minimal_pairs.py): training/ and development/")
    parser.add_argument("--shares", type=float, nargs=4, default=(0.35, 0.55, 0.05, 0.05), help="English, other languages, code, texts that stand alone")
    parser.add_argument("--pieces", type=Path, help="start: a vector of each piece (tools/data/piece_vectors.py)")
    parser.add_argument("--start", type=Path, help="start: last.pt or done.pt of another stage; what it lacks starts anew")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--evaluate-every", type=float, default=0.5, help="hours")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    data = Data(arguments.data, arguments.shares)
    import sentencepiece
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=data.info["tokenizer"])
    student = Student(tokenizer.get_piece_size(), arguments)
    random = np.random.default_rng(1)
    from student_checks import Checks
    checks = Checks(data, tokenizer, student, arguments)

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
    shown = saved_at = time.process_time()
    evaluated, average = spent, None
    while (progress := (spent + time.process_time() - began) / 3600 / arguments.hours) < 1:
        factor = min(1, (step + 1) / 50) * min(1, (1 - progress) * 4)
        chosen = data.draw(random, arguments.batch)
        y = student(packed([data.row(i) for i in chosen], student.vocabulary, student.bigram_rows), keep=True)
        t = data.vectors(chosen)
        of = torch.from_numpy(data.target[chosen])
        cosine, divergence, contrast = losses(y, t, of[:, None] == of[None], arguments)
        loss = cosine + arguments.divergence * divergence + arguments.contrast * contrast
        loss.backward()
        for table in tables:
            table.step(arguments.table_rate * factor)
        if arguments.minimal and step % 4 == 0:
            extra = arguments.minimal * checks.minimal_loss(random)
            extra.backward()
            for table in tables:
                table.step(arguments.table_rate * factor)
        muon.step(arguments.rate * factor)
        for group in adam.param_groups:
            group["lr"] = 1e-3 * factor
        adam.step()
        for parameter in student.parameters():
            parameter.grad = None
        step += 1
        texts += len(chosen)
        tokens += len(student.embedding.ids)
        figures = np.array([cosine.item() / 2, divergence.item(), contrast.item()])
        average = figures if average is None else 0.97 * average + 0.03 * figures
        now = time.process_time()
        if now - shown > 60:
            shown, used = now, spent + now - began
            say(f"step {step} {progress:.3f} 1-cos {average[0]:.4f} divergence {average[1]:.3f} contrast {average[2]:.3f} texts {texts:,} ({texts / used:.0f} a second of a core) "
                f"tokens {tokens / used:.0f}/s left {(1 - progress) * arguments.hours:.2f} core-hours")
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
