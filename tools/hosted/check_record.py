"""Tests tools/record-hosted with the real SDK against a server of its own that behaves as the service does: quota, errors, one
vector a request.

    VENV/bin/python tools/hosted/check_record.py
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

RECORD = Path(__file__).resolve().parents[1] / "record-hosted"


class Service(BaseHTTPRequestHandler):
    calls = []

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        Service.calls.append(len(body["requests"]))
        if len(Service.calls) == 2:
            message = "Please retry in 0.1s."
            return self.answer(429, {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}})
        vectors = []
        for request in body["requests"]:
            texts = [part.get("text", "") for part in request["content"]["parts"]]
            if "refuse me" in texts:
                return self.answer(400, {"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}})
            size = request.get("outputDimensionality", 4)
            vectors.append({"values": [float(len("".join(texts)))] + [0.5] * (size - 1)})
        return self.answer(200, {"embeddings": vectors})


def record(folder, port):
    command = [sys.executable, str(RECORD), "in.jsonl", "out.jsonl", "--base-url", f"http://127.0.0.1:{port}"]
    environment = {**os.environ, "GEMINI_API_KEY": "none"}
    subprocess.run([*command, "--per-minute", "1000000"], cwd=folder, env=environment, check=True)
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = [
            {"key": f"k{i}", "request": {"content": {"parts": [{"text": "x" * (i + 1)}]}}} for i in range(70)
        ]
        lines[5]["request"]["content"]["parts"][0]["text"] = "refuse me"
        lines[7]["request"]["outputDimensionality"] = 3
        lines[9]["request"]["content"]["parts"] = [{"fileData": {"fileUri": "missing.png"}}]
        lines[11]["request"]["content"]["parts"] = [{"fileData": {"fileUri": "p.png"}}, {"text": "abc"}]
        (folder / "p.png").write_bytes(b"\x89PNG")
        (folder / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        out = record(folder, server.server_port)
        assert [line["key"] for line in out] == [line["key"] for line in lines]
        assert out[5]["error"]["code"] == 400 and out[9]["error"]["message"].startswith("line 10: ")
        assert out[7]["response"]["embedding"]["values"] == [8.0, 0.5, 0.5]
        assert out[11]["response"]["embedding"]["values"][0] == 3.0
        assert out[69]["response"]["embedding"]["values"] == [70.0, 0.5, 0.5, 0.5]

        # Cut short, it goes on to the same bytes, and asks only for what is missing.
        whole = (folder / "out.jsonl").read_bytes()
        (folder / "out.jsonl").write_bytes(whole[: whole.rfind(b"{", 0, len(whole) // 2) + 20])
        asked = len(Service.calls)
        assert record(folder, server.server_port) == out
        assert (folder / "out.jsonl").read_bytes() == whole and sum(Service.calls[asked:]) < 60
    print("record-hosted: all right")


if __name__ == "__main__":
    main()
