#!/usr/bin/env python3
"""FAISS (flat, eight bits, IVF, HNSW) and hnswlib on the vectors that `Times search COUNT FOLDER` left: times of a query, recall@10, memory, time to build.

    .build/release/Times search 1000000 FOLDER && tools/search/peers.py FOLDER 1000000 [flat sq8 ivf hnsw hnswlib]

Needs numpy, faiss-cpu and hnswlib from PyPI. Two threads, one query at a time.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import faiss
import hnswlib
import numpy as np

DIMENSIONS, NEAREST, THREADS, BLOCK = 768, 10, 2, 50_000
LINKS, EFFORT = 32, 80
"""Of a graph: links of a node, and nodes that are looked at to find them."""

folder, count = Path(sys.argv[1]), int(sys.argv[2])
vectors = np.memmap(folder / f"vectors-{count}.f32", dtype="<f4", mode="r").reshape(-1, DIMENSIONS)[:count]
queries = np.fromfile(folder / f"queries-{count}.f32", dtype="<f4").reshape(-1, DIMENSIONS)


def own_megabytes() -> int:
    """Memory of this process without files that are mapped."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) // 1_000
    raise SystemExit("no RssAnon in /proc/self/status")


def blocks() -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, count, BLOCK):
        yield start, np.ascontiguousarray(vectors[start : start + BLOCK])


def exact() -> list[set[int]]:
    scores = np.full((len(queries), NEAREST), -2.0, np.float32)
    numbers = np.zeros((len(queries), NEAREST), int)
    for start, block in blocks():
        found = queries @ block.T
        top = np.argpartition(-found, NEAREST, 1)[:, :NEAREST]
        all_scores = np.concatenate([scores, np.take_along_axis(found, top, 1)], 1)
        all_numbers = np.concatenate([numbers, top + start], 1)
        order = np.argsort(-all_scores, 1)[:, :NEAREST]
        scores, numbers = np.take_along_axis(all_scores, order, 1), np.take_along_axis(all_numbers, order, 1)
    return [set(row.tolist()) for row in numbers]


def report(name: str, built_in: float, megabytes: int, truth: list[set[int]], ask: Callable) -> None:
    seconds, hits = [], 0
    for number, wanted in enumerate(truth):
        start = time.perf_counter()
        found = ask(queries[number : number + 1])
        seconds.append(time.perf_counter() - start)
        hits += len(wanted & {int(one) for one in found})
    seconds.sort()
    half, last = (1_000 * seconds[len(seconds) * share // 100] for share in (50, 99))
    recall = hits / len(truth) / NEAREST
    print(
        f"{name:26} p50 {half:8.2f} ms  p99 {last:8.2f} ms  recall@10 {recall:.4f}  built in {built_in:7.1f} s  {megabytes} MB", flush=True)


def faiss_index(kind: str):
    lists = int(4 * count**0.5)
    if kind == "flat":
        return faiss.IndexFlatIP(DIMENSIONS)
    if kind == "sq8":
        return faiss.IndexScalarQuantizer(DIMENSIONS, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
    if kind == "ivf":
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(DIMENSIONS), DIMENSIONS, lists, faiss.METRIC_INNER_PRODUCT)
        index.cp.niter = 5
        return index
    index = faiss.IndexHNSWFlat(DIMENSIONS, LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EFFORT
    return index


def training_vectors(kind: str) -> np.ndarray:
    step = max(1, count // 50_000) if kind == "sq8" else max(1, count // (40 * int(4 * count**0.5)))
    return np.ascontiguousarray(vectors[::step])


def with_faiss(kind: str, truth: list[set[int]]) -> None:
    before, start = own_megabytes(), time.perf_counter()
    index = faiss_index(kind)
    if kind in ("sq8", "ivf"):
        index.train(training_vectors(kind))
    for _, block in blocks():
        index.add(block)
    built_in, megabytes = time.perf_counter() - start, own_megabytes() - before

    def ask(query):
        return index.search(query, NEAREST)[1][0]

    if kind == "ivf":
        for index.nprobe in (8, 32, 128):
            report(f"ivf, {index.nprobe} probes", built_in, megabytes, truth, ask)
    elif kind == "hnsw":
        for index.hnsw.efSearch in (32, 128, 512):
            report(f"hnsw, ef {index.hnsw.efSearch}", built_in, megabytes, truth, ask)
    else:
        report(kind, built_in, megabytes, truth, ask)


def with_hnswlib(truth: list[set[int]]) -> None:
    before, start = own_megabytes(), time.perf_counter()
    index = hnswlib.Index("ip", DIMENSIONS)
    index.init_index(count, M=LINKS, ef_construction=EFFORT)
    index.set_num_threads(THREADS)
    for first, block in blocks():
        index.add_items(block, np.arange(first, first + len(block)))
    built_in, megabytes = time.perf_counter() - start, own_megabytes() - before
    for effort in (32, 128, 512):
        index.set_ef(effort)
        report(f"hnswlib, ef {effort}", built_in, megabytes, truth, lambda query: index.knn_query(query, NEAREST, num_threads=1)[0][0])


def main() -> None:
    faiss.omp_set_num_threads(THREADS)
    truth = exact()
    for kind in sys.argv[3:] or ["flat", "sq8", "ivf", "hnsw", "hnswlib"]:
        if kind == "hnswlib":
            with_hnswlib(truth)
        else:
            with_faiss(kind, truth)


if __name__ == "__main__":
    main()
