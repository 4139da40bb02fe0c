#!/usr/bin/env python3
"""Three replicas behind nginx or HAProxy under load: one is killed, one is drained and started again, and no request fails.

    .venv-contracts/bin/python tools/replicas/check.py PROGRAM [nginx|haproxy|nginx-once]

nginx-once is nginx as it is by itself: what was in flight when a replica died is an error, and the client's to try again. The files of deploy/ are used as they are, but for ports. Some clients are google-genai, some plain HTTP that never tries again; each answer is
held against the vector that `castor embed` gives. When something happens is decided by how many answers there were. Ends with 1 where something
does not hold.
"""

import contextlib
import http.client
import json
import logging
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/contracts"))
# One client, not a version of each.
sys.path.insert(0, str(sorted((ROOT / ".venv-contracts/sdks").glob("[0-9]*"), key=lambda path: [int(n) for n in path.name.split(".")])[-1]))

from google import genai  # noqa: E402
from google.genai import types  # noqa: E402

MODEL = "gemini-embedding-2"
TEXTS = [f"text number {number} " + "word " * (number % 17) for number in range(50)]
DIMENSIONS = 8
SAME = 4e-6
# Answers between two events.
STEP = 400
# Until a replica that came back must have been noticed.
MOST_STEPS = 100
SDK_CLIENTS, PLAIN_CLIENTS = 4, 4


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class Replica:
    def __init__(self, program, folder, port):
        self.program, self.folder, self.port = program, folder, port
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "serve", "--port", str(self.port), "--data-dir", self.folder, "--threads", "1", "--log-level", "warning"],
            stdout=subprocess.DEVNULL, stderr=open(f"{self.folder}.log", "ab"))

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode()
        finally:
            connection.close()

    def await_ready(self):
        """As whoever restarts one replica after the other does."""
        while True:
            with contextlib.suppress(OSError):
                if self.get("/readyz")[0] == 200:
                    return
            if self.process.poll() is not None:
                sys.exit(f"a replica has ended with {self.process.returncode}: {self.folder}.log")
            time.sleep(0.05)

    def embedded(self):
        counts = re.findall(r'^castor_requests_total\{.*mbed.*status="200"\} (\d+)', self.get("/metrics")[1], re.MULTILINE)
        return sum(map(int, counts))


class Balancer:
    """nginx or HAProxy with the configuration of deploy/."""

    def __init__(self, name, folder, port, replica_ports, is_once=False):
        self.log = folder / "balancer.log"
        self.is_once = is_once

        def moved(path):
            text = (ROOT / "deploy" / path).read_text()
            for old, new in zip((8081, 8082, 8083), replica_ports):
                text = re.sub(rf"\b{old}\b", str(new), text)
            return re.sub(r"\b8080\b", str(port), text)

        if name == "nginx":
            text = moved("nginx/castor.conf")
            (folder / "castor.conf").write_text(text.replace(" non_idempotent", "") if is_once else text)
            (folder / "castor-replicas.conf").write_text(moved("nginx/castor-replicas.conf"))
            temporary = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
            (folder / "nginx.conf").write_text(
                f"daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
                f"http {{ {temporary} log_format tries '$status $upstream_addr $upstream_status'; access_log {self.log} tries; include castor.conf; }}\n")
            command = [program_of("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        else:
            (folder / "haproxy.cfg").write_text(
                moved("haproxy/haproxy.cfg").replace("timeout connect", "log stdout format raw local0\n    log-format '%ST %rc %b/%s'\n    timeout connect", 1))
            command = [program_of("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]
        self.process = subprocess.Popen(command, stdout=open(self.log, "ab") if name == "haproxy" else None, stderr=subprocess.DEVNULL)
        self.name = name

    def tried_again(self):
        """Requests that were given to another replica, of all."""
        lines = self.log.read_text().splitlines()
        if self.name == "nginx":
            return sum("," in line for line in lines), len(lines)
        lines = [line for line in lines if re.match(r"\d+ \+?\d+ castor", line)]
        return sum(not line.split()[1] == "0" for line in lines), len(lines)

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def program_of(name):
    return shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") or sys.exit(f"there is no {name}: tools/setup replicas")


class Load:
    """Clients that embed one text after the other until they are told to end."""

    def __init__(self, port, wanted):
        self.port, self.wanted = port, wanted
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.answers = {"google-genai": 0, "plain HTTP": 0}
        self.failures = {"google-genai": [], "plain HTTP": []}
        self.sdk_retries = Retries()
        clients = [self.sdk] * SDK_CLIENTS + [self.plain] * PLAIN_CLIENTS
        self.threads = [threading.Thread(target=client, args=(number,)) for number, client in enumerate(clients)]
        for thread in self.threads:
            thread.start()

    def sdk(self, number):
        # Without retry_options it tries once.
        options = types.HttpOptions(
            base_url=f"http://127.0.0.1:{self.port}", retry_options=types.HttpRetryOptions(attempts=5, initial_delay=0.2))
        client = genai.Client(api_key="any", http_options=options)
        self.go_on("google-genai", number, lambda text: client.models.embed_content(
            model=MODEL, contents=text, config={"output_dimensionality": DIMENSIONS}).embeddings[0].values)

    def plain(self, number):
        connection = http.client.HTTPConnection("127.0.0.1", self.port)

        def embed(text):
            body = json.dumps({"content": {"parts": [{"text": text}]}, "outputDimensionality": DIMENSIONS})
            try:
                connection.request("POST", f"/v1beta/models/{MODEL}:embedContent", body, {"Content-Type": "application/json"})
                reply = connection.getresponse()
                data = reply.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                raise
            if reply.status != 200:
                raise RuntimeError(f"{reply.status} {data[:200]}")
            return json.loads(data)["embedding"]["values"]

        self.go_on("plain HTTP", number, embed)

    def go_on(self, kind, number, embed):
        while not self.ended.is_set():
            number = (number + 7) % len(TEXTS)
            try:
                values = embed(TEXTS[number])
                problem = None if max(abs(a - b) for a, b in zip(values, self.wanted[number], strict=True)) < SAME else "another vector"
            except Exception as error:  # noqa: BLE001: whatever the client raises is a request that failed
                problem = f"{type(error).__name__}: {error}"
            with self.lock:
                self.answers[kind] += problem is None
                if problem:
                    self.failures[kind].append(problem)

    def total(self):
        return sum(self.answers.values())

    def pass_step(self):
        """Until there are STEP more answers."""
        start = self.total()
        while self.total() < start + STEP:
            if sum(map(len, self.failures.values())) > STEP:
                return
            time.sleep(0.01)

    def pass_until_taken(self, replica):
        """Until a replica that came back has answered. A balancer may leave it alone for seconds, and answers may be quick."""
        for _ in range(MOST_STEPS):
            self.pass_step()
            if replica.embedded():
                return

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()


class Retries(logging.Handler):
    """Counts what google-genai says when it tries again."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.count = 0
        for name in ("google_genai", "google.genai"):
            logging.getLogger(name).addHandler(self)
            logging.getLogger(name).setLevel(logging.INFO)

    def emit(self, record):
        self.count += "etrying" in record.getMessage()


def expect(holds, text, failures=[0]):
    print(f"  {'holds' if holds else 'DOES NOT HOLD'}: {text}", flush=True)
    failures[0] += not holds
    return failures[0]


def expected(program):
    lines = "".join(json.dumps({"request": {"content": {"parts": [{"text": text}]}}}) + "\n" for text in TEXTS)
    output = subprocess.run(
        [program, "embed", "--batch", "-", "--dimensions", str(DIMENSIONS)], input=lines.encode(), check=True, capture_output=True).stdout
    return [json.loads(line)["response"]["embedding"]["values"] for line in output.splitlines()]


def under_load(replicas, balancer, load):
    load.pass_step()
    replicas[1].process.kill()
    replicas[1].process.wait()
    load.pass_step()
    with load.lock:
        after_kill = {kind: list(failures) for kind, failures in load.failures.items()}
    replicas[1].start()
    replicas[1].await_ready()
    load.pass_until_taken(replicas[1])
    replicas[2].process.send_signal(signal.SIGTERM)
    drained = replicas[2].process.wait()
    load.pass_step()
    replicas[2].start()
    replicas[2].await_ready()
    load.pass_until_taken(replicas[2])
    load.end()
    time.sleep(0.2)
    again, all_requests = balancer.tried_again()
    print(f"  {load.total()} answers ({', '.join(f'{count} {kind}' for kind, count in load.answers.items())}) to {all_requests} requests; "
          f"{again} of them went to a second replica; google-genai tried {load.sdk_retries.count} again by itself")
    shares = [replica.embedded() for replica in replicas]
    print(f"  answers of the replicas since their last start: {shares}")
    expect(not load.failures["google-genai"], f"no request of google-genai failed {load.failures['google-genai'][:3] or ''}")
    # nginx gives those in flight to another replica. HAProxy does, too, unless the answer had begun.
    allowed = 0 if balancer.name == "nginx" and not balancer.is_once else PLAIN_CLIENTS
    plain = after_kill["plain HTTP"]
    expect(len(plain) <= allowed, f"of plain HTTP's, which never tries again, {len(plain)} failed by the kill, {allowed} may {plain[:3] or ''}")
    later = load.failures["plain HTTP"][len(plain):]
    expect(not later, f"none failed when replicas came back and when one drained {later[:3] or ''}")
    expect(drained == 0, f"the drained replica ended with {drained}")
    expect(all(share > 0 for share in shares), "the killed one and the drained one take requests again")


def files_and_jobs(port, replicas):
    """What the keeper alone has, asked for by the one name."""
    client = genai.Client(api_key="any", http_options={"base_url": f"http://127.0.0.1:{port}"})
    with tempfile.NamedTemporaryFile(suffix=".txt") as file:
        file.write(TEXTS[3].encode())
        file.flush()
        uploaded = client.files.upload(file=file.name)
    part = types.Part.from_uri(file_uri=uploaded.uri, mime_type="text/plain")
    vectors = {
        tuple(client.models.embed_content(
            model=MODEL, contents=types.Content(parts=[part]), config={"output_dimensionality": DIMENSIONS}).embeddings[0].values)
        for _ in range(4 * len(replicas))}
    expect(len(vectors) == 1, f"{4 * len(replicas)} requests that name an uploaded file have their vector, whichever replica they came to")

    def ask(method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())

    requests = [{"request": {"content": {"parts": [{"text": text}]}, "outputDimensionality": DIMENSIONS}} for text in TEXTS]
    _, job = ask("POST", f"/v1beta/models/{MODEL}:asyncBatchEmbedContent", {"batch": {"inputConfig": {"requests": {"requests": requests}}}})
    asked = 0
    while not (state := ask("GET", f"/v1beta/{job['name']}"))[1].get("done"):
        if state[0] != 200:
            break
        asked += 1
        time.sleep(0.05)
    expect(state[0] == 200 and len(state[1]["response"]["inlinedResponses"]["inlinedResponses"]) == len(TEXTS), "a batch job is found by each question")


def main():
    program, name = sys.argv[1], (sys.argv[2:] or ["nginx"])[0]
    port, *replica_ports = free_ports(4)
    wanted = expected(program)
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        replicas = [Replica(program, folder / f"data-{number}", number) for number in replica_ports]
        balancer = None
        try:
            for replica in replicas:
                replica.await_ready()
            balancer = Balancer(name.removesuffix("-once"), folder, port, replica_ports, name.endswith("-once"))
            front = Replica.__new__(Replica)
            front.port, front.process, front.folder = port, balancer.process, folder / "balancer"
            front.await_ready()
            print(f"{name} before three replicas", flush=True)
            under_load(replicas, balancer, Load(port, wanted))
            files_and_jobs(port, replicas)
        finally:
            # nginx's workers outlive a master that is killed.
            if balancer:
                balancer.end()
            for replica in replicas:
                replica.process.kill()
                replica.process.wait()
    failed = expect(True, "all have ended")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
