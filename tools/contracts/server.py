"""The built server as a child process. Nothing here has a time limit: standstill.py ends what hangs."""

import http.client
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import standstill

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("CASTOR_PROGRAM", ROOT / ".build/release/castor"))
NANO = ROOT / "Tests/Fixtures/castor-nano"
# No limit of the server's passes because the machine is busy.
PATIENCE = [word for name in ("idle", "request", "drain") for word in (f"--{name}-timeout", "1000000")]


class Server:
    """`castor serve` with castor-nano, or another model, on a free port. The same data folder may be served again."""

    def __init__(self, data_folder, *arguments, log=None, model=NANO):
        standstill.watch()
        self.log = open(log, "ab") if log else tempfile.TemporaryFile()
        # The port that it says it listens at is in the log, so that none is chosen here and lost to another process.
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--data-dir", str(data_folder), "--allowed-host", "castor.example",
             *PATIENCE, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**os.environ, "CASTOR_MODEL": str(model)}, text=True)
        self.port = None
        for line in self.process.stderr:
            self.log.write(line.encode())
            if "listening at" in line:
                self.port = int(line.rsplit(":", 1)[1])
                break
        if self.port is None:
            raise RuntimeError(f"castor serve ended with {self.process.wait()}")
        # What it says from now on goes to the log by itself.
        import threading
        threading.Thread(target=self._drain, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.port}"
        start = time.monotonic()
        while self.request("GET", "/readyz")[0] != 200:
            standstill.pause(start)

    def _drain(self):
        for line in self.process.stderr:
            try:
                self.log.write(line.encode())
            except ValueError:
                return

    def request(self, method, path, body=None, headers={}):
        """Status, headers in lower case, body bytes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            if isinstance(body, (dict, list)):
                body = json.dumps(body).encode()
                headers = {"Content-Type": "application/json", **headers}
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        finally:
            connection.close()

    def json(self, method, path, body=None, headers={}):
        status, _, data = self.request(method, path, body, headers)
        assert status == 200, f"{method} {path}: {status} {data[:300]}"
        return json.loads(data)

    def upload(self, data, mime_type, name=None):
        """A file by one raw request and, with a name, by the resumable protocol."""
        file = {"mime_type": mime_type} | ({"name": f"files/{name}"} if name else {})
        _, headers, _ = self.request("POST", "/upload/v1beta/files", {"file": file}, {
            "X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Length": str(len(data))})
        path = headers["x-goog-upload-url"].split(str(self.port), 1)[1]
        return self.json("POST", path, data, {
            "X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": "0"})["file"]

    def batch(self, identifier):
        """Waits for a batch job."""
        start = time.monotonic()
        while not (operation := self.json("GET", f"/v1beta/{identifier}")).get("done"):
            standstill.pause(start)
        return operation

    @property
    def is_alive(self):
        return self.process.poll() is None

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()
