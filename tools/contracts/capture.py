"""Reads captures of what clients send.

A file has comment lines (`#`), and for each request a line `>>> METHOD PATH HTTP/1.1`, headers, an empty line and the body: JSON,
indented for reading, or `(N raw bytes)`. JSON is sent as the client sent it: what it was before is known by its Content-Length.
"""

import dataclasses
import json
import pathlib
import re


@dataclasses.dataclass
class Request:
    name: str
    method: str
    path: str
    headers: list
    body: bytes
    # Whether the body's length is the one that the client announced.
    is_exact: bool

    def raw(self, **changes):
        request = dataclasses.replace(self, **changes)
        headers = [(n, v) for n, v in request.headers if n.lower() not in ("content-length", "host")]
        head = f"{request.method} {request.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        head += "".join(f"{n}: {v}\r\n" for n, v in headers)
        if request.body or request.method != "GET":
            head += f"Content-Length: {len(request.body)}\r\n"
        return head.encode() + b"\r\n" + request.body


def read(path, folder):
    name = str(path.relative_to(folder)).removesuffix(".txt")
    requests = []
    for part in re.split(r"^>>> ", path.read_text(), flags=re.M)[1:]:
        head, _, rest = part.partition("\n\n")
        first, *lines = head.splitlines()
        method, target, _ = first.split(" ")
        headers = [tuple(line.split(": ", 1)) for line in lines if ": " in line]
        length = next((int(v) for n, v in headers if n.lower() == "content-length"), 0)
        body, exact = _body("\n".join(l for l in rest.splitlines() if not l.startswith("# ")).strip(), length)
        requests.append(Request(name, method, target, headers, body, exact))
    return requests


def _body(text, length):
    if not text or text == "(empty body)":
        return b"", length == 0
    raw = re.fullmatch(r"\((\d+) raw bytes\)", text)
    if raw:
        return bytes(i * 31 & 255 for i in range(int(raw[1]))), True
    value = json.loads(text)
    for options in [{"separators": (",", ":"), "ensure_ascii": False}, {}, {"separators": (",", ":")}, {"ensure_ascii": False}]:
        body = json.dumps(value, **options).encode()
        if len(body) == length:
            return body, True
    return json.dumps(value).encode(), False


def folder(path):
    """All requests of all files, by file."""
    root = pathlib.Path(path)
    return {str(f.relative_to(root)).removesuffix(".txt"): read(f, root) for f in sorted(root.rglob("*.txt"))}
