#!/usr/bin/env python3
"""Load on a running `castor serve`: throughput and latency at several numbers of connections, beside the library's own.

    castor serve --port 8080 --log-level warning &
    tools/load/load.py --url http://127.0.0.1:8080 --castor .build/release/castor --pid $!

The same contents (short texts and pictures, made on the spot from a seed) go to the server, each connection sending its next
request when it has its answer, and to `castor embed --batch`, whose start is timed apart and taken off. Rounds alternate,
because a shared machine drifts; medians are printed, and the processor time of a content on either side, which other processes
change least. With --core both are on one core, with one thread. With --minutes N it keeps up mixed load instead and prints the
server's memory over time. Standard library only.
"""
import argparse
import asyncio
import base64
import json
import os
import random
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zlib

WORDS = (
    "time year day man thing life world hand part place case week company system program question work government number "
    "night point home water room mother area money story fact month lot right study book eye job word business issue side"
).split()


def png(random_, width=320, height=240):
    """A picture of coloured bars and noise."""
    base = [random_.randrange(256) for _ in range(3)]
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            bar = (x * 7 // width + y * 5 // height) * 23
            rows += bytes((base[0] + bar & 255, base[1] + x & 255, base[2] ^ (x * y & 31)))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(rows), 1))
            + chunk(b"IEND", b""))


def contents(count, image_share, seed, words=(3, 40)):
    random_ = random.Random(seed)
    pictures = [base64.b64encode(png(random_)).decode() for _ in range(16)]
    made = []
    for _ in range(count):
        if random_.random() < image_share:
            parts = [{"inlineData": {"mimeType": "image/png", "data": random_.choice(pictures)}}]
        else:
            parts = [{"text": " ".join(random_.choices(WORDS, k=random_.randint(*words)))}]
        made.append({"parts": parts})
    return made


def request_bytes(url, content, key):
    body = json.dumps({"content": content}).encode()
    auth = f"x-goog-api-key: {key}\r\n" if key else ""
    head = (f"POST /v1beta/models/gemini-embedding-2:embedContent HTTP/1.1\r\nHost: {url.netloc}\r\n{auth}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


class Tally:
    def __init__(self):
        self.statuses = {}
        self.latencies = []
        self.beyond = []


async def exchange(reader, writer, request, tally):
    start = time.perf_counter()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    await reader.readexactly(int(headers["content-length"]))
    elapsed = time.perf_counter() - start
    status = int(lines[0].split()[1])
    tally.statuses[status] = tally.statuses.get(status, 0) + 1
    tally.latencies.append(elapsed)
    if "server-timing" in headers:
        spent = dict(entry.strip().split(";dur=") for entry in headers["server-timing"].split(","))
        tally.beyond.append(elapsed * 1e3 - float(spent["decode"]) - float(spent["compute"]))
    return status


async def connection(url, requests, tally, deadline=None):
    reader, writer = await asyncio.open_connection(url.hostname, url.port, limit=1 << 24)
    try:
        while requests if deadline is None else time.monotonic() < deadline:
            request = requests.pop() if deadline is None else random.choice(requests)
            if await exchange(reader, writer, request, tally) == 429:
                await asyncio.sleep(0.1)
                if deadline is None:
                    requests.append(request)
    finally:
        writer.close()


async def closed_loop(url, requests, connections):
    tally, waiting = Tally(), list(requests)
    start = time.perf_counter()
    await asyncio.gather(*(connection(url, waiting, tally) for _ in range(connections)))
    return time.perf_counter() - start, tally


def library_seconds(castor, lines, core):
    """Seconds, and seconds of processor time."""
    pinned = ["taskset", "-c", str(core)] if core is not None else []
    threads = ["--threads", "1"] if core is not None else []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "in.jsonl")
        with open(path, "w") as file:
            file.writelines(lines)
        start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [*pinned, castor, "embed", *threads, "--batch", path, "--output", os.path.join(folder, "out.jsonl")], check=True,
            stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.perf_counter() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def processor_seconds(pid):
    """Of a running process."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def compare(options, url, made):
    requests = [request_bytes(url, content, options.key) for content in made]
    lines = [json.dumps({"key": str(i), "request": {"content": content}}) + "\n" for i, content in enumerate(made)]
    asyncio.run(closed_loop(url, requests[:32], 4))  # warm
    rates, tallies, library = {}, {}, []
    spent, library_spent = {}, []
    for _ in range(options.rounds):
        if options.castor:
            whole, start = (library_seconds(options.castor, some, options.core) for some in (lines, lines[:1]))
            library.append((len(lines) - 1) / (whole[0] - start[0]))
            library_spent.append((whole[1] - start[1]) / (len(lines) - 1))
        for connections in options.connections:
            some = requests if connections > 1 else requests[:max(50, len(requests) // 4)]
            before = processor_seconds(options.pid) if options.pid else float("nan")
            seconds, tally = asyncio.run(closed_loop(url, some, connections))
            after = processor_seconds(options.pid) if options.pid else float("nan")
            rates.setdefault(connections, []).append(tally.statuses.get(200, 0) / seconds)
            spent.setdefault(connections, []).append((after - before) / max(1, tally.statuses.get(200, 0)))
            total = tallies.setdefault(connections, Tally())
            total.latencies += tally.latencies
            total.beyond += tally.beyond
            for status, count in tally.statuses.items():
                total.statuses[status] = total.statuses.get(status, 0) + count
    own = statistics.median(library) if library else float("nan")
    if library:
        print(f"library: {own:.1f} contents/s, {1e3 * statistics.median(library_spent):.2f} ms of processor time a content "
              "(castor embed --batch, start taken off)")
    print(f"{'connections':>11} {'contents/s':>10} {'of library':>10} {'CPU ms':>7} {'p50 ms':>8} {'p99 ms':>8} {'beyond ms':>9}  statuses")
    for connections in options.connections:
        rate, tally = statistics.median(rates[connections]), tallies[connections]
        print(f"{connections:>11} {rate:>10.1f} {100 * rate / own:>9.0f}% {1e3 * statistics.median(spent[connections]):>7.2f} "
              f"{1e3 * percentile(tally.latencies, .5):>8.1f} {1e3 * percentile(tally.latencies, .99):>8.1f} "
              f"{statistics.median(tally.beyond):>9.2f}  {tally.statuses}")
    print("beyond: a request's time at the client less the server's own decode and compute, median")
    bad = {s for tally in tallies.values() for s in tally.statuses if s not in (200, 429)}
    return 1 if bad else 0


async def soak(options, url, made):
    requests = [request_bytes(url, content, options.key) for content in made]
    tally = Tally()
    end = time.monotonic() + 60 * options.minutes
    samples = []

    async def watch():
        while time.monotonic() < end:
            await asyncio.sleep(min(10, 60 * options.minutes / 6))
            if options.pid:
                samples.append((60 * options.minutes - (end - time.monotonic()), resident_megabytes(options.pid)))
                print(f"{samples[-1][0]:6.0f} s  {samples[-1][1]:7.1f} MB  {len(tally.latencies)} requests  {tally.statuses}", flush=True)
    await asyncio.gather(watch(), *(connection(url, requests, tally, end) for _ in range(max(options.connections))))
    later = [memory for seconds, memory in samples if seconds > 60]
    if later:
        print(f"after the first minute: {min(later):.1f} to {max(later):.1f} MB, {100 * (max(later) / later[0] - 1):+.1f} % from {later[0]:.1f}")
    return 1 if any(status not in (200, 429) for status in tally.statuses) else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--key", help="an API key")
    parser.add_argument("--castor", help="the program, to measure the library with the same model (CASTOR_MODEL)")
    parser.add_argument("--pid", type=int, help="the server's process, to read its memory")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32, 128])
    parser.add_argument("--core", type=int, help="runs the library with one thread on this core, where the server is, too")
    parser.add_argument("--contents", type=int, default=600)
    parser.add_argument("--images", type=float, default=0.2, help="share of pictures")
    parser.add_argument("--words", type=int, nargs=2, default=[3, 40], help="of a text, least and most")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, help="keep up load for so long and watch memory")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    url = urllib.parse.urlparse(options.url)
    made = contents(options.contents, options.images, options.seed, options.words)
    sys.exit(asyncio.run(soak(options, url, made)) if options.minutes else compare(options, url, made))


main()
