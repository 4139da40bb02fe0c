"""What a search through `castor serve --index` costs, and what its shortlist finds of the exact result: items of the index as queries, so that nothing
is embedded.

    castor serve --index DIR --port 8080 & python3 tools/search/served.py http://127.0.0.1:8080 [QUERIES [PID]]
"""

import http.client
import json
import random
import sys
import time
import urllib.parse

address = urllib.parse.urlsplit(sys.argv[1])
count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
connection = http.client.HTTPConnection(address.netloc)


def ask(method, path, body=None):
    connection.request(method, path, json.dumps(body) if body is not None else None)
    reply = connection.getresponse()
    data = json.loads(reply.read())
    assert reply.status == 200, data
    return data


def query(item, **options):
    start = time.perf_counter()
    found = ask("POST", "/search/v1/query", {"more": [{"item": item}], "top": 10, "perFile": 0, **options})
    return [one["id"] for one in found["results"]], found["kept"], time.perf_counter() - start


def times(name, seconds):
    seconds = sorted(seconds)
    print(f"{name:28} p50 {seconds[len(seconds) // 2] * 1e3:7.2f} ms   p99 {seconds[len(seconds) * 99 // 100] * 1e3:7.2f} ms", flush=True)


index = ask("GET", "/search/v1/index")
print(f"{sum(index['items'].values())} items, {index['dimensions']} values, {index['bytes'] / 1e6:.0f} MB on disk")
items = random.Random(1).sample(ask("GET", "/search/v1/map")["items"], count)
print(f"first query: {query(items[0])[2] * 1e3:.1f} ms")
shortlist = [query(item) for item in items]
times("shortlist and whole vectors", [one[2] for one in shortlist])
exact = [query(item, exact=True) for item in items]
times("exact", [one[2] for one in exact])
same = sum(len(set(a[0]) & set(b[0])) for a, b in zip(shortlist, exact, strict=True))
print(f"recall@10 of the shortlist: {same / sum(len(one[0]) for one in exact):.4f}")
for size in (64, 128, 256, 512, 768, 1536):
    if size < index["dimensions"]:
        kept = [query(item, dimensions=size)[1] for item in items]
        print(f"{size:5} values keep {sum(kept) / len(kept):.3f} of the ten")
if len(sys.argv) > 3:
    for line in open(f"/proc/{sys.argv[3]}/status"):
        if line.startswith(("VmHWM", "VmRSS", "RssAnon", "RssFile")):
            print(" ".join(line.split()))
