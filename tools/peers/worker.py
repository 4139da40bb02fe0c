#!/usr/bin/env python3
"""One of the peers in a process of its own, as `Times texts` is Castor: a line in, a line out.

    worker.py PEER FOLDER WORK THREADS

    texts FILE      texts of a file of JSON strings, a line each, are held
    time COUNT      they are embedded COUNT times: {"seconds": of all, "processor": seconds of all threads}
    vectors FILE    their vectors, single precision, one after the other
    memory          {"peak": MiB}
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from peers import PEERS


def main(peer: str, folder: str, work: str, threads: str) -> None:
    embed = PEERS[peer](Path(folder), Path(work), int(threads))
    texts: list[str] = []
    print(json.dumps({"ready": peer}), flush=True)
    for line in sys.stdin:
        command, _, rest = line.rstrip("\n").partition(" ")
        answer: dict[str, float] = {}
        if command == "texts":
            texts = [json.loads(line) for line in Path(rest).read_text(encoding="utf-8").splitlines()]
            answer = {"texts": len(texts)}
        elif command == "time":
            start = time.perf_counter(), time.process_time()
            for _ in range(int(rest)):
                embed(texts)
            answer = {"seconds": time.perf_counter() - start[0], "processor": time.process_time() - start[1]}
        elif command == "vectors":
            np.asarray(embed(texts), "<f4").tofile(rest)
            answer = {"texts": len(texts)}
        elif command == "memory":
            answer = {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
