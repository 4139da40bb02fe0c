"""Plays captured requests of real clients against the built server and checks status and shape of every reply.

    tools/contracts/replay.py FOLDER

Names that a capture has from another server (upload ids, batches, files) stand for such that are made here first.
"""

import base64
import json
import pathlib
import re
import struct
import sys
import tempfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import capture
from server import ROOT, Server

# What captures have where a test's author wanted any bytes at all, and media of the kind they are declared as.
STUBS = {b'"eHh4eA=="': "clip.mp4", b'"aGk="': "rgb.png"}


def png():
    """A red picture of 8 x 8 pixels."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + b"\xff\0\0" * 8 for _ in range(8))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def expected_status(request):
    """200, but where the client asks for what is not there or not meant to be."""
    path, name = request.path, request.name.split("/")[-1]
    if path == "/gw" or "/nope/" in path or "text-embedding-005" in path:
        return 404
    # LiteLLM appends the model to a URL that has it already.
    if path.count("models/gemini-embedding-2") > 1:
        return 404
    if name == "genai_files_get_missing":
        return 403
    # Version 1 embeds text only; no vector is made of nothing or of token ids.
    if name in ("genai_e1_text_image_parts", "genai_e2_empty_string", "openai_token_ids"):
        return 400
    # The picture that these captures upload is kept as a count of bytes alone, so the bytes that stand for it are no picture.
    if name == "genai_upload_then_embed" and path.endswith(":batchEmbedContents"):
        return 400
    # Bytes that are no picture, and a field that there is not.
    if name in ("genai_e2_base64_alphabet", "genai_e2_extra_body"):
        return 400
    return 200


class Replay:
    def __init__(self, server):
        self.server = server
        line = json.dumps({"key": "k", "request": {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 4}})
        self.jsonl = line.encode()
        server.upload(self.jsonl, "application/jsonl", "in-123")
        self.results = server.batch(self.new_batch({"fileName": "files/in-123"}))["response"]["responsesFile"]

    def new_batch(self, config):
        return self.server.json(
            "POST", "/v1beta/models/gemini-embedding-2:asyncBatchEmbedContent", {"batch": {"inputConfig": config}})["name"]

    def prepare(self, requests):
        """Makes what the requests of one file take for granted."""
        self.upload_path = self.uploaded = None
        wanted = set(re.findall(r"files/([a-z0-9-]+)", " ".join(
            f"{r.path} {r.body[:100_000].decode('utf-8', 'replace')}" for r in requests)))
        uploads = any("/upload/" in r.path for r in requests)
        for name in wanted - {"in-123", "batch-out"}:
            self.server.request("DELETE", f"/v1beta/files/{name}")
            if not uploads and not any("get_missing" in r.name for r in requests):
                self.server.upload(png(), "image/png", name)
        self.batch = None
        if any(re.search(r"batches/b\d+", r.path) for r in requests):
            self.batch = self.new_batch({"fileName": "files/in-123"})

    def send(self, request):
        path = request.path.replace("files/batch-out", self.results)
        if self.batch:
            path = re.sub(r"batches/b\d+", self.batch, path)
        if "upload_id=" in path:
            path = self.upload_path
        headers = {n: v for n, v in request.headers if n.lower() not in ("host", "content-length", "connection")}
        body = self.with_real_media(request.body)
        if self.uploaded and "/upload/" not in path:
            body = re.sub(rb"files/f\d+", self.uploaded.encode(), body)
        status, headers, data = self.server.request(request.method, path, body, headers)
        if "x-goog-upload-url" in headers:
            self.upload_path = headers["x-goog-upload-url"].split(str(self.server.port), 1)[1]
        if headers.get("x-goog-upload-status") == "final" and status == 200:
            self.uploaded = json.loads(data)["file"]["name"]
        return status, headers, data

    @staticmethod
    def with_real_media(body):
        """Long strings are shortened in captures: a picture takes the place of media that are cut, and media that of stubs."""
        for stub, name in STUBS.items():
            if stub in body:
                media = (ROOT / "Tests/Fixtures/media" / name).read_bytes()
                body = body.replace(stub, b'"' + base64.b64encode(media) + b'"')
        if b"..." not in body:
            return body
        return re.sub(rb'"[A-Za-z0-9+/_-]{20,}\.\.\.[^"]*"', b'"' + base64.b64encode(png()) + b'"', body)


def check_shape(request, status, headers, data):
    """What a client reads of the reply."""
    path, method = request.path.split("?")[0], request.method
    if status != 200:
        error = json.loads(data)
        error = error[0]["error"] if isinstance(error, list) else error["error"]
        assert error["code"] == status and error["message"] and error["status"]
        return
    if "/upload/" in path:
        if "upload_id" not in request.path:
            assert headers["x-goog-upload-url"].startswith("http://") and headers["x-goog-upload-status"] == "active"
        elif any("finalize" in v for n, v in request.headers if n == "X-Goog-Upload-Command"):
            assert headers["x-goog-upload-status"] == "final"
            check_file(json.loads(data)["file"])
        else:
            assert headers["x-goog-upload-status"] == "active"
        return
    if path.endswith(":download"):
        for line in data.splitlines():
            assert json.loads(line)["response"]["embedding"]["values"]
        return
    reply = json.loads(data)
    body = json.loads(request.body) if request.body else {}
    if path.endswith(":batchEmbedContents"):
        assert len(reply["embeddings"]) == len(body["requests"])
        for item, wanted in zip(reply["embeddings"], body["requests"]):
            config = wanted.get("embedContentConfig") or {}
            check_vector(
                item["values"], config.get("outputDimensionality") or wanted.get("outputDimensionality") or 3072)
        assert "usageMetadata" in reply
    elif path.endswith(":embedContent"):
        check_vector(reply["embedding"]["values"])
        assert reply["usageMetadata"]["promptTokenCount"] > 0
    elif path.endswith(":predict"):
        assert len(reply["predictions"]) == len(body["instances"])
        for prediction in reply["predictions"]:
            check_vector(prediction["embeddings"]["values"])
    elif path.endswith(":countTokens"):
        assert reply["totalTokens"] > 0
    elif path.endswith("/embeddings"):
        count = len(body["input"]) if isinstance(body["input"], list) else 1
        assert [item["index"] for item in reply["data"]] == list(range(count))
        for item in reply["data"]:
            values = item["embedding"]
            if isinstance(values, str):
                raw = base64.b64decode(values)
                values = struct.unpack(f"<{len(raw) // 4}f", raw)
            check_vector(values, body.get("dimensions") or 3072)
        assert reply["usage"]["total_tokens"] > 0
    elif path.endswith(":asyncBatchEmbedContent"):
        assert reply["name"].startswith("batches/") and reply["metadata"]["state"] == "BATCH_STATE_PENDING"
    elif path.endswith("/batches"):
        assert all("metadata" in operation for operation in reply["operations"])
    elif re.search(r"/batches/b\d+$", path) and method == "GET":
        assert reply["metadata"]["state"].startswith("BATCH_STATE_")
    elif path.endswith("/files"):
        for file in reply["files"]:
            check_file(file)
    elif "/files/" in path and method == "GET":
        check_file(reply)
    elif path.endswith("openai/models"):
        assert reply["object"] == "list" and reply["data"]
    elif path.endswith("/models"):
        assert "models/gemini-embedding-2" in [model["name"] for model in reply["models"]]
    elif "/models/" in path:
        assert reply["name"] == "models/gemini-embedding-2" and reply["inputTokenLimit"] == 8192
    else:
        assert reply == {}, f"an unexpected reply to {method} {path}"


def check_vector(values, count=None):
    assert count is None or len(values) == count, f"{len(values)} values, not {count}"
    # gemini-embedding-001 is of unit length at its full size only.
    assert 0 < sum(v * v for v in values) < 1.0001


def check_file(file):
    assert file["name"].startswith("files/") and file["uri"].endswith(file["name"])
    assert int(file["sizeBytes"]) >= 0 and file["state"] in ("ACTIVE", "PROCESSING", "FAILED")
    assert len(base64.b64decode(file["sha256Hash"])) == 64
    for name in ("createTime", "updateTime", "expirationTime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", file[name])


def main(folder):
    files = capture.folder(folder)
    count = exact = silent = 0
    statuses, failures = {}, []
    with tempfile.TemporaryDirectory() as data:
        server = Server(data)
        replay = Replay(server)
        for name, requests in files.items():
            silent += not requests
            replay.prepare(requests)
            for request in requests:
                count += 1
                exact += request.is_exact
                status, headers, body = replay.send(request)
                statuses[status] = statuses.get(status, 0) + 1
                try:
                    assert status == expected_status(request), f"{status}, not {expected_status(request)}: {body[:300]}"
                    check_shape(request, status, headers, body)
                except (AssertionError, KeyError, ValueError) as error:
                    failures.append(f"{name}: {request.method} {request.path}: {type(error).__name__} {error}")
        assert server.is_alive
        assert server.stop() == 0
    print(f"{len(files)} captures, {silent} of them without a request; {count} requests, {exact} byte for byte; "
          f"replies {dict(sorted(statuses.items()))}; {len(failures)} failures")
    for failure in failures:
        print("  " + failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
