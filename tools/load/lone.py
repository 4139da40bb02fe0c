#!/usr/bin/env python3
"""What a lone request to a running `castor serve` takes, and how much of it is not decoding and computing.

    LOAD=lone.py tools/load/run .build/release/castor [--requests N]

One text of 16 tokens, again and again over one connection. The server says in `server-timing` what its steps took; the rest is
queue, HTTP, JSON and the socket. Standard library only.
"""
import argparse
import http.client
import json
import os
import statistics
import time
import urllib.parse

TEXT = "the quick brown fox jumps over the lazy dog near the river bank"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--core", type=int, help="of the server; this program keeps away from it")
    parser.add_argument("--castor", help=argparse.SUPPRESS)
    parser.add_argument("--pid", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.core is not None:
        others = os.sched_getaffinity(0) - {arguments.core}
        if others:
            os.sched_setaffinity(0, others)
    url = urllib.parse.urlsplit(arguments.url)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    path = "/v1beta/models/gemini-embedding-2:embedContent"
    body = json.dumps({"content": {"parts": [{"text": TEXT}]}})
    whole, steps = [], []
    for _ in range(arguments.requests + 10):
        start = time.perf_counter()
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        whole.append(1e3 * (time.perf_counter() - start))
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}")
        timing = dict(step.split(";dur=") for step in answer.headers["server-timing"].split(", "))
        steps.append(float(timing["decode"]) + float(timing["compute"]))
    # The first ones open model and caches.
    whole, steps = whole[10:], steps[10:]
    rest = [a - b for a, b in zip(whole, steps)]
    for name, of in [
        ("median", statistics.median),
        ("tenth percentile, which other processes disturb least", lambda x: sorted(x)[len(x) // 10]),
    ]:
        print(
            f"one text of 16 tokens, {len(whole)} times, {name}: {of(whole):.2f} ms, of which decode and compute "
            f"{of(steps):.2f} ms; the rest {of(rest):.2f} ms"
        )


if __name__ == "__main__":
    main()
