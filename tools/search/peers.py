"""The same vectors in FAISS (flat, IVF, HNSW) and hnswlib: times, recall@10, memory, build time.

    times search 1000000 DIR && python peers.py DIR 1000000
"""
import sys, time, resource, gc
import numpy as np, faiss, hnswlib
folder, n = sys.argv[1], int(sys.argv[2]); d = 768; which = sys.argv[3:] or ["flat", "sq8", "ivf", "ivfsq8", "hnsw", "hnswlib"]
faiss.omp_set_num_threads(2)
x = np.memmap(f"{folder}/vectors-{n}.f32", dtype="<f4", mode="r").reshape(-1, d)[:n]
q = np.fromfile(f"{folder}/queries-{n}.f32", dtype="<f4").reshape(-1, d)
def rss():
    gc.collect()
    return int([l for l in open("/proc/self/status") if l.startswith("RssAnon")][0].split()[1]) // 1000
def exact():
    best = np.full((len(q), 10), -2.0, "f4"); ids = np.zeros((len(q), 10), int)
    for s in range(0, n, 50000):
        sc = q @ x[s:s+50000].T
        top = np.argpartition(-sc, 10, 1)[:, :10]
        a = np.concatenate([best, np.take_along_axis(sc, top, 1)], 1); b = np.concatenate([ids, top + s], 1)
        o = np.argsort(-a, 1)[:, :10]; best = np.take_along_axis(a, o, 1); ids = np.take_along_axis(b, o, 1)
    return [set(r) for r in ids]
truth = exact()
def report(name, build, mem, ask):
    t, hits = [], 0
    for i in range(len(q)):
        a = time.perf_counter(); r = ask(q[i:i+1]); t.append(time.perf_counter() - a); hits += len(truth[i] & set(map(int, r)))
    t.sort(); print(f"{name:34} p50 {t[len(t)//2]*1e3:8.2f} ms  p99 {t[len(t)*99//100]*1e3:8.2f} ms  recall@10 {hits/len(q)/10:.4f}  built in {build:7.1f} s  memory {mem} MB", flush=True)
def add(index):
    for s in range(0, n, 50000): index.add(np.ascontiguousarray(x[s:s+50000]))
for kind in which:
    before = rss(); a = time.perf_counter()
    if kind == "flat": ix = faiss.IndexFlatIP(d); add(ix)
    elif kind == "sq8": ix = faiss.IndexScalarQuantizer(d, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT); ix.train(np.ascontiguousarray(x[:50000])); add(ix)
    elif kind == "ivf" or kind == "ivfsq8":
        lists = int(4 * n ** 0.5); quant = faiss.IndexFlatIP(d)
        ix = faiss.IndexIVFFlat(quant, d, lists, faiss.METRIC_INNER_PRODUCT) if kind == "ivf" else faiss.IndexIVFScalarQuantizer(quant, d, lists, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
        ix.cp.niter = 5; ix.train(np.ascontiguousarray(x[:: max(1, n // (40 * lists))])); add(ix)
    elif kind == "hnsw": ix = faiss.IndexHNSWFlat(d, 32, faiss.METRIC_INNER_PRODUCT); ix.hnsw.efConstruction = 80; add(ix)
    else:
        ix = hnswlib.Index("ip", d); ix.init_index(n, M=32, ef_construction=80); ix.set_num_threads(2)
        for s in range(0, n, 50000): ix.add_items(np.ascontiguousarray(x[s:s+50000]), np.arange(s, min(n, s + 50000)))
    build = time.perf_counter() - a; mem = rss() - before
    if kind in ("flat", "sq8"): report(kind, build, mem, lambda v: ix.search(v, 10)[1][0])
    elif kind.startswith("ivf"):
        for p in (8, 32, 128): ix.nprobe = p; report(f"{kind} {lists} lists, {p} probes", build, mem, lambda v: ix.search(v, 10)[1][0])
    elif kind == "hnsw":
        for ef in (32, 128, 512): ix.hnsw.efSearch = ef; report(f"hnsw M 32, ef {ef}", build, mem, lambda v: ix.search(v, 10)[1][0])
    else:
        for ef in (32, 128, 512): ix.set_ef(ef); report(f"hnswlib M 32, ef {ef}", build, mem, lambda v: ix.knn_query(v, 10, num_threads=1)[0][0])
    del ix; gc.collect()
