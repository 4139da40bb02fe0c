"""Damaged requests over a socket, headers and paths too: the server refuses or answers, and goes on."""

import base64
import json
import random

import mutate
from capture import Request
from conftest import ROOT

COUNT = 2_000
MODEL = "/v1beta/models/gemini-embedding-2"
PNG = base64.b64encode((ROOT / "Tests/Fixtures/media/gray.png").read_bytes()).decode()
CONTENT = {"parts": [{"text": "a gray picture"}, {"inline_data": {"mime_type": "image/png", "data": PNG}}], "role": "user"}
ITEM = {"content": CONTENT, "model": "models/gemini-embedding-2", "outputDimensionality": 8, "taskType": "CLUSTERING"}
UPLOAD = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start", "X-Goog-Upload-Header-Content-Length": "5"}


def request(method, path, body=None, headers={}):
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    every = {"Content-Type": "application/json", "X-Goog-Api-Key": "k", "X-Server-Timeout": "1000000", **headers}
    return Request("seed", method, path, list(every.items()), data, True)


SEEDS = [
    request("POST", f"{MODEL}:embedContent", {"content": CONTENT, "embedContentConfig": {"outputDimensionality": 8, "autoTruncate": True}}),
    request("POST", f"{MODEL}:batchEmbedContents", {"requests": [ITEM, ITEM]}),
    request("POST", f"{MODEL}:countTokens", {"contents": [CONTENT]}),
    request("POST", f"{MODEL}:asyncBatchEmbedContent", {"batch": {"displayName": "d", "inputConfig": {"requests": {"requests": [
        {"request": {"content": {"parts": [{"text": "a"}]}}, "metadata": {"key": "k"}}]}}}}),
    request("POST", f"{MODEL}:asyncBatchEmbedContent", {"batch": {"inputConfig": {"file_name": "files/none"}}}),
    request("POST", "/v1beta/openai/embeddings", {"model": "gemini-embedding-2", "input": ["a", "b"], "encoding_format": "base64"}),
    request("POST", "/v1beta1/publishers/google/models/gemini-embedding-2:predict", {"instances": [{"content": "a"}], "parameters": {
        "outputDimensionality": 8}}),
    request("GET", "/v1beta/models?pageSize=2&pageToken=1"), request("GET", "/v1beta/files?pageSize=2"),
    request("GET", "/v1beta/batches?pageSize=2"), request("DELETE", "/v1beta/files/none"), request("GET", "/v1beta/batches/none"),
    request("GET", "/metrics"), request("GET", "/openapi.json"),
    request("POST", "/upload/v1beta/files", {"file": {"display_name": "d", "mime_type": "text/plain", "size_bytes": 5}}, UPLOAD),
    request("POST", "/upload/v1beta/files", b"hello", {"X-Goog-Upload-Protocol": "raw", "Content-Type": "text/plain"}),
    request("POST", "/upload/v1beta/files?uploadType=multipart",
            b"--B\r\nContent-Type: application/json\r\n\r\n{\"file\":{}}\r\n--B\r\nContent-Type: text/plain\r\n\r\nhello\r\n--B--\r\n",
            {"Content-Type": "multipart/related; boundary=B"}),
]


def test_damaged_requests(server):
    statuses, bad = mutate.run(server, SEEDS, COUNT, random.Random(20261121))
    assert not bad, bad[:5]
    # The damage must be real, and not all of it fatal.
    assert statuses[200] > COUNT / 20 and statuses[400] > COUNT / 5, statuses
