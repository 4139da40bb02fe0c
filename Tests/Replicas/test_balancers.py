"""nginx and HAProxy with the files of deploy/ before three replicas that say who they are: what one replica has is asked of that one, however it is spelled."""

import contextlib
import http.client
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/replicas"))

from check import free_ports  # noqa: E402

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
EMBED = "/v1beta/models/gemini-embedding-2:embedContent"
# As castor takes them: one slash or more, with one behind or without, a colon or what stands for it.
KEPT = [
    "/v1beta/files", "/v1beta/files/", "//v1beta//files/x", "/files/x:download", "/v1/batches", "//batches/x", "/upload/v1beta/files", "//upload//v1beta/files",
    "/download/v1beta/files/x", "/v1beta/models/m:asyncBatchEmbedContent", "//v1beta/models/m:asyncBatchEmbedContent/",
    "/v1beta/models/m%3AasyncBatchEmbedContent", "//v1beta/models/m%3aasyncBatchEmbedContent"]
WATCHED = ["/metrics", "//metrics", "/metrics/", "///metrics//", "/metrics?name=value"]


class Replica(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # As castor, which does not have a file that was uploaded elsewhere.
        status = 403 if b'"fileData"' in body and not self.server.is_keeper else 200
        data = json.dumps({"keeper": self.server.is_keeper, "path": self.path}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # HAProxy's checks end by a reset.
        pass


def command(name, folder, ports):
    """Files of deploy/ with other ports, and how they are used."""
    program = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") or pytest.fail(f"{name} is not installed: tools/setup replicas")

    def moved(path):
        text = (DEPLOY / path).read_text()
        for old, new in zip((8080, 8081, 8082, 8083), ports):
            text = re.sub(rf"\b{old}\b", f"<{new}>", text)
        (folder / path.split("/")[-1]).write_text(re.sub(r"<(\d+)>", r"\1", text))

    if name == "haproxy":
        moved("haproxy/haproxy.cfg")
        return [program, "-db", "-f", str(folder / "haproxy.cfg")]
    for path in ("nginx/castor.conf", "nginx/castor-replicas.conf"):
        moved(path)
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\nhttp {{ {temporary} access_log off; include castor.conf; }}\n")
    return [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def front(request, tmp_path_factory):
    """(status, answer) of a request to the one name."""
    servers = [Server(("127.0.0.1", 0), Replica) for _ in range(3)]
    port, = free_ports(1)
    started = command(request.param, tmp_path_factory.mktemp(request.param), [port, *(server.server_port for server in servers)])
    for number, server in enumerate(servers):
        server.is_keeper = number == 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
    process = subprocess.Popen(started, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def ask(path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("POST" if body else "GET", path, body)
            reply = connection.getresponse()
            data = reply.read()
            return reply.status, json.loads(data) if reply.status == 200 else None
        finally:
            connection.close()

    while True:
        with contextlib.suppress(OSError):
            if ask("/readyz")[0] == 200:
                break
        assert process.poll() is None, f"{request.param} ended"
        time.sleep(0.05)
    yield ask
    process.terminate()
    process.wait()
    for server in servers:
        server.shutdown()
        server.server_close()


def keepers(front, path, body=None):
    """Whether the keeper answered, of each of some requests."""
    return [front(path, body)[1]["keeper"] for _ in range(6)]


@pytest.mark.parametrize("path", KEPT)
def test_files_and_jobs_are_the_keepers(front, path):
    assert all(keepers(front, path))


@pytest.mark.parametrize("path", WATCHED)
def test_metrics_are_not_of_the_name(front, path):
    assert front(path)[0] == 404


def test_contents(front):
    text = json.dumps({"content": {"parts": [{"text": 'the word fileUri, and "fileData": in quotes'}]}})
    assert not all(keepers(front, EMBED, text)), "a text that has the word is anybody's"
    assert all(keepers(front, EMBED, json.dumps({"content": {"parts": [{"fileData": {"fileUri": "files/x"}}]}})))
    assert not all(keepers(front, EMBED.replace(":", "%3A"), text))


def test_line_ends_in_a_path_stay_what_they_are(front):
    """What is decoded for a look at it must not become a header."""
    status, answer = front(EMBED.replace(":", "%3A") + "%0d%0aX-Other:%20value")
    assert status == 200 and "%0d%0a" in answer["path"].lower()
