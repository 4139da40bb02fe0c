#!/usr/bin/env python3
"""What a lone short text waits while others send long ones: `castor serve` under load.

    LOAD=short.py tools/load/run .build/release/castor [--connections N] [--seconds S]

One connection sends a text of 16 tokens again and again, with a pause between; N others send texts of 8,192 tokens without a pause. The
short one's median, 99th percentile and worst are printed, alone first, then under that load. Standard library only.
"""
import argparse
import asyncio
import json
import random
import sys
import time
import urllib.parse

WORDS = "time year day man thing life world hand part place case week company system program question work number night point".split()
SHORT = "the quick brown fox jumps over the lazy dog near the river bank"
PATH = "/v1beta/models/gemini-embedding-2:embedContent"
PAUSE = 0.02


def request(host, text):
    body = json.dumps({"content": {"parts": [{"text": text}]}}).encode()
    return (f"POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


async def ask(reader, writer, data):
    start = time.perf_counter()
    writer.write(data)
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    await reader.readexactly(int(head.split("content-length:")[1].split("\r\n")[0]))
    if " 200 " not in head.split("\r\n")[0]:
        raise SystemExit(head.split("\r\n")[0])
    return time.perf_counter() - start


async def loop(url, texts, end, pause, times):
    reader, writer = await asyncio.open_connection(url.hostname, url.port, limit=1 << 24)
    while time.monotonic() < end:
        times.append(await ask(reader, writer, request(url.netloc, next(texts))))
        await asyncio.sleep(pause)
    writer.close()


def texts(words, seed):
    dice = random.Random(seed)
    while True:
        yield " ".join(dice.choices(WORDS, k=words)) if words else SHORT


def percentile(times, share):
    return 1e3 * sorted(times)[min(len(times) - 1, int(share * len(times)))]


async def measure(url, options, connections):
    end = time.monotonic() + options.seconds
    short, long = [], []
    await asyncio.gather(
        loop(url, texts(0, 0), end, PAUSE, short),
        *(loop(url, texts(9_000, seed), end, 0, long) for seed in range(1, connections + 1)))
    rate = f", {len(long) / options.seconds:.2f} long ones a second" if connections else ""
    print(f"beside {connections} connections with long texts{rate}: {len(short)} short ones, median {percentile(short, .5):.1f} ms, "
          f"99th percentile {percentile(short, .99):.1f} ms, worst {1e3 * max(short):.1f} ms", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--connections", type=int, nargs="+", default=[0, 1, 8])
    parser.add_argument("--seconds", type=float, default=20)
    for other in ("--core", "--castor", "--pid"):
        parser.add_argument(other, help=argparse.SUPPRESS)
    options = parser.parse_args()
    url = urllib.parse.urlsplit(options.url)
    for connections in options.connections:
        asyncio.run(measure(url, options, connections))


if __name__ == "__main__":
    sys.exit(main())
