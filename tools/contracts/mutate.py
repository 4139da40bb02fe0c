"""Sends damaged variants of captured requests to the built server: none may bring a 5xx or an end of the server.

    tools/contracts/mutate.py FOLDER [COUNT [SEED]]
"""

import collections
import json
import pathlib
import random
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import capture
from server import Server

TOKENS = [b"null", b"true", b"-1", b"0", b"1e999", b"99999999999999999999", b"0.5", b"\"\"", b"\"\\ud800\"", b"[]", b"{}",
          b"[[[[[[[[", b"\xff\xfe", b"\0", b"\"files/../../etc/passwd\"", b"\"gs://b/o\"", b"\"http://127.0.0.1:1/v1/files/x\""]
VALUES = [None, True, -1, 0, 2**31, 2**63, 1e308, "", "x" * 5000, "\u0000", "😀", [], {}, [[]], {"a": {"b": {"c": 1}}}, "NaN",
          "files/none", "gs://b/o", "/etc/passwd", "AAAA", "!!!!"]
HEADERS = [("X-Goog-Upload-Command", "upload, finalize"), ("X-Goog-Upload-Command", "start"), ("X-Goog-Upload-Command", "query"),
           ("X-Goog-Upload-Offset", "-1"), ("X-Goog-Upload-Offset", "9" * 30), ("X-Goog-Upload-Protocol", "multipart"),
           ("X-Goog-Upload-Protocol", "raw"), ("Content-Type", "multipart/related; boundary=x"), ("X-Server-Timeout", "-1"),
           ("X-Server-Timeout", "nan"), ("Content-Encoding", "gzip"), ("Authorization", "Bearer"), ("X-Goog-Api-Key", ""),
           ("Range", "bytes=5-1"), ("Expect", "100-continue"), ("X-Goog-Upload-Header-Content-Length", "9" * 18)]
PATHS = ["%00", "%2e%2e", "..", "//", ":cancel", ":download", "?pageSize=-1", "?pageToken=%ff", "?upload_id=x", "&key=", "%", "é"]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"]


def mutate_json(value, rng):
    """Changes one place of a JSON value."""
    if rng.random() < 0.25 or not isinstance(value, (dict, list)) or not value:
        return rng.choice(VALUES)
    if isinstance(value, list):
        copy = list(value)
        index = rng.randrange(len(copy))
        kind = rng.random()
        if kind < 0.15:
            copy = copy * rng.choice([2, 40, 101])
        elif kind < 0.3:
            del copy[index]
        else:
            copy[index] = mutate_json(copy[index], rng)
        return copy
    copy = dict(value)
    name = rng.choice(list(copy))
    kind = rng.random()
    if kind < 0.15:
        copy[name + rng.choice(["x", "_", " "])] = copy.pop(name)
    elif kind < 0.3:
        del copy[name]
    elif kind < 0.4:
        copy[rng.choice(["embedContentConfig", "task_type", "fileData", "inline_data", "requests", "model"])] = rng.choice(VALUES)
    else:
        copy[name] = mutate_json(copy[name], rng)
    return copy


def mutate_bytes(body, rng):
    body = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(body) + 1)
        kind = rng.random()
        if kind < 0.3 and at < len(body):
            body[at] = rng.randrange(256)
        elif kind < 0.5:
            del body[at:at + rng.randint(1, 20)]
        elif kind < 0.7:
            body[at:at] = rng.choice(TOKENS)
        elif kind < 0.85:
            body[at:at] = body[max(0, at - 30):at]
        else:
            del body[at:]
    return bytes(body)


def mutate(request, rng):
    """The bytes of a damaged request."""
    body, path, method, headers = request.body[:20_000], request.path, request.method, list(request.headers)
    kind = rng.random()
    if kind < 0.4 and body.startswith(b"{"):
        try:
            body = json.dumps(mutate_json(json.loads(body), rng)).encode()
        except ValueError:
            pass
    elif kind < 0.65 and body:
        body = mutate_bytes(body, rng)
    elif kind < 0.75:
        at = rng.randrange(1, len(path) + 1)
        path = path[:at] + rng.choice(PATHS) + path[at:] if rng.random() < 0.6 else path[:at]
    elif kind < 0.8:
        method = rng.choice(METHODS)
    elif kind < 0.95:
        if rng.random() < 0.4 and headers:
            del headers[rng.randrange(len(headers))]
        else:
            headers.append(rng.choice(HEADERS))
    raw = request.raw(body=body, path=path, method=method, headers=headers)
    if kind >= 0.95:
        raw = mutate_bytes(raw, rng)
    return raw


def send(port, raw):
    """The status; 0 where the server closes without one, as it may for what is not HTTP."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        try:
            connection.sendall(raw)
            # Nothing more comes: who announced more is gone.
            connection.shutdown(socket.SHUT_WR)
            reply = b""
            while b"\r\n" not in reply or reply.startswith(b"HTTP/1.1 100"):
                piece = connection.recv(65_536)
                if not piece:
                    break
                reply += piece
                if reply.startswith(b"HTTP/1.1 100") and b"\r\n\r\n" in reply:
                    reply = reply.split(b"\r\n\r\n", 1)[1]
        except (ConnectionResetError, BrokenPipeError):
            return 0
    return int(reply.split(b" ")[1]) if reply.startswith(b"HTTP/1.1 ") else 0


def run(server, requests, count, rng):
    """Sends damaged variants; how many replies had which status, and what was answered with a 5xx."""
    statuses, bad = collections.Counter(), []
    for number in range(count):
        raw = mutate(rng.choice(requests), rng)
        status = send(server.port, raw)
        statuses[status] += 1
        # A time limit that the damage has made short may pass.
        if status >= 500 and not (status == 504 and b"server-timeout" in raw.lower()):
            bad.append((number, status, raw[:300]))
        if not server.is_alive:
            raise RuntimeError(f"the server ended at request {number}: {raw[:2000]}")
    return statuses, bad


def main(folder, count="10000", seed="1"):
    rng = random.Random(int(seed))
    requests = [request for file in capture.folder(folder).values() for request in file]
    with tempfile.TemporaryDirectory() as data:
        server = Server(data)
        statuses, bad = run(server, requests, int(count), rng)
        healthy = server.request("GET", "/livez")[0] == 200
        memory = next(line for line in open(f"/proc/{server.process.pid}/status") if line.startswith("VmHWM"))
        ended = server.stop()
    print(f"{count} damaged requests, seed {seed}; replies {dict(sorted(statuses.items()))} (0: closed without one); "
          f"{len(bad)} of 5xx; alive: {healthy}, then ended with {ended}; {memory.split(None, 1)[1].strip()} at most")
    for number, status, raw in bad[:20]:
        print(f"  {number}: {status}: {raw}")
    return 0 if healthy and not bad and ended == 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
