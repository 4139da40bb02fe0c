"""kill -9 in the middle of uploads and batch jobs: nothing that was confirmed is lost, nothing comes twice."""

import http.client
import json
import random
import threading
import time


from conftest import Server

KILLS = 20
UPLOAD = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}


def content(number):
    return random.Random(number).randbytes(3_000_000)


def start_upload(server, number):
    status, headers, _ = server.request(
        "POST", "/upload/v1beta/files",
        {"file": {"name": f"files/kill-{number}", "mime_type": "application/octet-stream"}},
        {**UPLOAD, "X-Goog-Upload-Header-Content-Length": str(len(content(number)))})
    assert status == 200
    return headers["x-goog-upload-url"].split("/upload/", 1)[1]


def received(server, upload):
    """Bytes that the server has, or None when it has the whole file."""
    status, headers, _ = server.request("POST", f"/upload/{upload}", b"", {"X-Goog-Upload-Command": "query"})
    assert status == 200
    return None if headers["x-goog-upload-status"] == "final" else int(headers["x-goog-upload-size-received"])


def send_slowly(server, upload, data, offset, confirmed, killed):
    """Sends chunks, each in pieces with a pause, until the server is gone. What it confirms goes to `confirmed`."""
    try:
        while offset < len(data) and not killed.is_set():
            chunk = data[offset:offset + 400_000]
            last = offset + len(chunk) == len(data)
            connection = http.client.HTTPConnection("127.0.0.1", server.port)
            connection.putrequest("POST", f"/upload/{upload}")
            connection.putheader("Content-Length", str(len(chunk)))
            connection.putheader("X-Goog-Upload-Command", "upload, finalize" if last else "upload")
            connection.putheader("X-Goog-Upload-Offset", str(offset))
            connection.endheaders()
            for start in range(0, len(chunk), 50_000):
                connection.send(chunk[start:start + 50_000])
                time.sleep(0.002)
            reply = connection.getresponse()
            assert reply.status == 200, reply.read()
            reply.read()
            connection.close()
            offset += len(chunk)
            confirmed.append(offset)
    except (OSError, http.client.HTTPException):
        assert killed.is_set(), "the connection broke while the server was there"


def requests(job):
    return [f"job {job} request {number} " + "word " * (number % 23) for number in range(150)]


def test_killed_again_and_again(tmp_path):
    rng = random.Random()
    server = Server(tmp_path)
    uploads, jobs, number = {}, {}, 0
    for kill in range(KILLS):
        # A new upload, and every fourth time a new job, inline and from a file in turn.
        uploads[kill] = start_upload(server, kill)
        if kill % 4 == 0:
            job = len(jobs)
            if job % 2:
                lines = "\n".join(json.dumps({"key": str(i), "request": {
                    "outputDimensionality": 8, "content": {"parts": [{"text": text}]}}}) for i, text in enumerate(requests(job)))
                source = {"fileName": server.upload(lines.encode(), "application/jsonl")["name"]}
            else:
                source = {"requests": {"requests": [
                    {"request": {"outputDimensionality": 8, "content": {"parts": [{"text": text}]}}, "metadata": {"key": str(i)}}
                    for i, text in enumerate(requests(job))]}}
            jobs[job] = server.json(
                "POST", "/v1beta/models/gemini-embedding-2:asyncBatchEmbedContent", {"batch": {"inputConfig": source}})["name"]
        confirmed, killed = [0], threading.Event()
        sender = threading.Thread(
            target=send_slowly, args=(server, uploads[kill], content(kill), 0, confirmed, killed))
        sender.start()
        # At a random moment of the upload, once something was confirmed.
        wanted = rng.randrange(1, 7)
        while len(confirmed) <= wanted and sender.is_alive():
            time.sleep(0.001)
        time.sleep(rng.random() * 0.05)
        killed.set()
        server.kill()
        sender.join()

        server = Server(tmp_path)
        have = received(server, uploads[kill])
        assert have is None or have >= confirmed[-1], f"{confirmed[-1]} bytes were confirmed, {have} are there"
        for done, name in jobs.items():
            stats = server.json("GET", f"/v1beta/{name}")["metadata"]["batchStats"]
            assert int(stats["requestCount"]) == len(requests(done))

    # Every upload goes on where it was, and every job ends.
    for kill, upload in uploads.items():
        have = received(server, upload)
        if have is not None:
            data = content(kill)
            status, headers, body = server.request("POST", f"/upload/{upload}", data[have:], {
                "X-Goog-Upload-Command": "upload, finalize", "X-Goog-Upload-Offset": str(have)})
            assert status == 200 and headers["x-goog-upload-status"] == "final", body
        file = server.json("GET", f"/v1beta/files/kill-{kill}")
        import base64
        import hashlib
        assert int(file["sizeBytes"]) == 3_000_000 and file["state"] == "ACTIVE"
        assert base64.b64decode(file["sha256Hash"]).decode() == hashlib.sha256(content(kill)).hexdigest()
    for job, name in jobs.items():
        operation = server.batch(name)
        assert operation["metadata"]["state"] == "BATCH_STATE_SUCCEEDED"
        assert operation["metadata"]["batchStats"] == {"requestCount": "150", "successfulRequestCount": "150"}
        if job % 2:
            file = operation["response"]["responsesFile"]
            data = server.request("GET", f"/v1beta/{file}:download?alt=media")[2]
            answers = [json.loads(line) for line in data.splitlines()]
            keys = [answer["key"] for answer in answers]
        else:
            answers = operation["response"]["inlinedResponses"]["inlinedResponses"]
            keys = [answer["metadata"]["key"] for answer in answers]
        assert keys == [str(i) for i in range(150)], "the answers are not one for each request, in order"
        for i in (0, 77, 149):
            body = {"content": {"parts": [{"text": requests(job)[i]}]}, "outputDimensionality": 8}
            wanted = server.json("POST", "/v1beta/models/gemini-embedding-2:embedContent", body)["embedding"]["values"]
            assert max(abs(a - b) for a, b in zip(answers[i]["response"]["embedding"]["values"], wanted)) < 4e-6
    assert server.stop() == 0
