"""Rows of docs/api-parity.md that no other test holds, and that every row names the test that does."""

import base64
import json
import re
import time

import pytest
import standstill
from conftest import ROOT, Server

PNG = base64.b64encode((ROOT / "Tests/Fixtures/media/gray.png").read_bytes()).decode()
MODEL = "gemini-embedding-2"
HELLO = {"content": {"parts": [{"text": "hello"}]}, "outputDimensionality": 4}


def embed(server, body, model=MODEL, version="v1beta", headers={}):
    status, _, data = server.request("POST", f"/{version}/models/{model}:embedContent", body, headers)
    return status, json.loads(data)


def parts(*all_parts, **more):
    return {"content": {"parts": list(all_parts)}, "outputDimensionality": 4, **more}


def refused(server, body, *words, code=400, status="INVALID_ARGUMENT", **options):
    got, reply = embed(server, body, **options)
    error = reply["error"]
    assert (got, error["code"], error["status"]) == (code, code, status), reply
    for word in words:
        assert word in error["message"], error["message"]


def test_every_row_names_its_test():
    names = set()
    for path in (ROOT / "Tests").rglob("*"):
        if path.suffix in (".swift", ".py"):
            suite = path.stem.split("+")[0]
            names |= {f"{suite}.{name}" for name in re.findall(r"(?:func|def) (\w+)\(", path.read_text())}
    section, rows = None, 0
    for line in (ROOT / "docs/api-parity.md").read_text().splitlines():
        if line.startswith("## "):
            section = line[3:]
        if not line.startswith("|") or section.startswith("Clients") or set(line) <= set("|- "):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[1] not in ("same", "different", "not served"):
            continue
        rows += 1
        tests = [name.replace("parity.", "test_parity.test_") for name in re.findall(r"`([A-Za-z_]+\.\w+)`", cells[-1])]
        assert tests, f"no test is named: {line}"
        assert set(tests) <= names, f"there is no {set(tests) - names}: {line}"
    assert rows > 80


def test_queries_of_every_google_api_are_let_through(server):
    query = "&".join(f"{name}=1" for name in (
        "key", "alt", "$alt", "fields", "prettyPrint", "quotaUser", "access_token", "oauth_token", "callback", "$.xgafv"))
    for method, path, body in (
            ("GET", "/v1beta/models", None), ("POST", f"/v1beta/models/{MODEL}:embedContent", HELLO), ("GET", "/v1beta/files", None),
            ("POST", f"/v1beta/models/{MODEL}:countTokens", {"contents": []}), ("GET", "/v1beta/batches", None)):
        status, headers, data = server.request(method, f"{path}?{query}", body)
        assert status == 200 and b"\n  " not in data, "replies are whole and compact"
        assert headers["content-type"] == "application/json; charset=UTF-8"


def test_what_is_not_served_is_404_in_the_services_form(server):
    for method, path in (
            ("POST", "/v1beta/models/gemini-pro:generateContent"), ("POST", f"/v1beta/models/{MODEL}:generateContent"),
            ("GET", "/v1beta/cachedContents"), ("GET", "/v1beta/corpora"), ("GET", "/v1beta/tunedModels/x"),
            ("POST", f"/v1beta1/publishers/google/models/{MODEL}:computeTokens"),
            ("POST", "/v1/projects/p/locations/l/endpoints/openapi/embeddings"),
            ("POST", "/v1/projects/p/locations/l/batchPredictionJobs"), ("POST", "/v1beta/openai/batches"),
            ("POST", "/v1beta/openai/files"), ("POST", "/v1beta/openai/chat/completions")):
        status, _, data = server.request(method, path, {} if method == "POST" else None)
        reply = json.loads(data)
        error = (reply[0] if "/openai/" in path else reply)["error"]
        assert (status, error["code"], error["status"]) == (404, 404, "NOT_FOUND"), path


def test_parts_of_a_conversation(server):
    _, plain = embed(server, HELLO)
    for name, value in (
            ("role", "user"), ("role", "model"), ("role", "anything")):
        body = {"content": {"parts": [{"text": "hello"}], name: value}, "outputDimensionality": 4}
        assert embed(server, body) == (200, plain)
    for name, value in (
            ("mediaResolution", {"level": "MEDIA_RESOLUTION_LOW"}), ("partMetadata", {"a": 1}), ("thought", False),
            ("thoughtSignature", "AAAA"), ("videoMetadata", {"fps": 1}), ("media_resolution", {})):
        assert embed(server, parts({"text": "hello", name: value})) == (200, plain), name
    for name in ("functionCall", "functionResponse", "executableCode", "codeExecutionResult"):
        refused(server, parts({name: {}}), "cannot be embedded")


def test_every_field_in_both_spellings_and_numbers_as_strings(server):
    inline = {"inlineData": {"mimeType": "image/png", "data": PNG}}
    snake = {"inline_data": {"mime_type": "image/png", "data": PNG}}
    camel = {"content": {"parts": [{"text": "a"}, inline]}, "taskType": "CLUSTERING", "outputDimensionality": 5, "title": "t",
             "autoTruncate": True, "embedContentConfig": {"taskType": "CLUSTERING", "outputDimensionality": 4, "autoTruncate": True}}
    snakes = {"content": {"parts": [{"text": "a"}, snake]}, "task_type": 5, "output_dimensionality": "5", "title": "t",
              "auto_truncate": True, "embed_content_config": {"task_type": 5, "output_dimensionality": 4.0, "auto_truncate": True}}
    first, second = embed(server, camel), embed(server, snakes)
    assert first == second and first[0] == 200 and len(first[1]["embedding"]["values"]) == 4
    both = {**HELLO, "output_dimensionality": 4}
    refused(server, both, "both spellings")
    refused(server, {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "mime_type": "image/png", "data": PNG}}]}})


def test_values_are_the_shortest_decimals(server):
    import struct
    _, _, data = server.request("POST", f"/v1/models/{MODEL}:embedContent", {"content": {"parts": [{"text": "hello"}]}})
    texts = re.search(rb'"values":\[([^\]]*)\]', data)[1].decode().split(",")
    assert len(texts) == 3072
    for text in texts:
        value = struct.unpack("f", struct.pack("f", float(text)))[0]
        digits = len(re.sub(r"e.*|[-.]", "", text).strip("0"))
        needed = next(n for n in range(1, 10) if struct.unpack("f", struct.pack("f", float(f"{value:.{n}g}")))[0] == value)
        assert digits <= needed, f"{text} could have {needed} digits"
    assert b"shape" not in data


def test_truncation_is_said(server):
    long = " ".join(["word"] * 9000)
    body = {"requests": [{"content": {"parts": [{"text": text}]}, "outputDimensionality": 2} for text in ("a", long, "b")]}
    status, headers, data = server.request("POST", f"/v1/models/{MODEL}:batchEmbedContents", body)
    assert status == 200 and headers["x-castor-truncated"] == "1"
    assert re.fullmatch(r"queue;dur=[\d.]+, decode;dur=[\d.]+, compute;dur=[\d.]+", headers["server-timing"])
    refused(server, parts({"text": long}, autoTruncate=False), "8192")
    refused(server, parts({"text": long}, embedContentConfig={"autoTruncate": False}), "8192")
    # Version 1's context is shorter.
    long = " ".join(["word"] * 3000)
    refused(server, parts({"text": long}, autoTruncate=False), "2048", model="gemini-embedding-001")


def test_names_of_models(server):
    names = [model["name"] for model in server.json("GET", "/v1beta/models")["models"]]
    assert names == ["models/gemini-embedding-2", "models/gemini-embedding-2-preview", "models/gemini-embedding-001",
                     "models/castor-nano"]
    assert {embed(server, HELLO, model=name)[1]["embedding"]["values"][0] for name in (
        "gemini-embedding-2", "gemini-embedding-2-preview", "castor-nano")} == {embed(server, HELLO)[1]["embedding"]["values"][0]}
    for gone in ("text-embedding-004", "embedding-001", "gemini-embedding-2-exp-11-2025", "text-embedding-005"):
        refused(server, HELLO, f"models/{gone} is not found for API version v1,", model=gone, version="v1", code=404,
                status="NOT_FOUND")


def test_media_and_their_tokens(server):
    folder = ROOT / "Tests/Fixtures/media"
    for name, mime, modality, count in (
            ("gray.png", "image/png", "IMAGE", 258), ("scene.jpg", "image/jpeg", "IMAGE", 258), ("scene.jpg", "image/jpg", "IMAGE", 258),
            ("lossy.webp", "image/webp", "IMAGE", 258), ("small.bmp", "image/bmp", "IMAGE", 258), ("palette.gif", "image/gif", "IMAGE", 258),
            ("scene.heic", "image/heic", "IMAGE", 258), ("scene.avif", "image/avif", "IMAGE", 258),
            ("chirp-16k.wav", "audio/wav", "AUDIO", None), ("chirp-16k.wav", "audio/x-wav", "AUDIO", None),
            ("music-44k.flac", "audio/flac", "AUDIO", None), ("music.ogg", "audio/ogg", "AUDIO", None),
            ("music.mp3", "audio/mpeg", "AUDIO", None), ("music.mp3", "audio/mp3", "AUDIO", None), ("music.aac", "audio/aac", "AUDIO", None),
            ("music.m4a", "audio/mp4", "AUDIO", None), ("tone-44k.aiff", "audio/aiff", "AUDIO", None),
            ("clip.mp4", "video/mp4", "VIDEO", 4 * 66), ("fast.webm", "video/webm", "VIDEO", None),
            ("two-pages.pdf", "application/pdf", "DOCUMENT", None)):
        data = base64.b64encode((folder / name).read_bytes()).decode()
        status, reply = embed(server, parts({"inlineData": {"mimeType": mime, "data": data}}))
        assert status == 200, f"{name}: {reply}"
        details = reply["usageMetadata"]["promptTokenDetails"]
        assert [detail["modality"] for detail in details] == [modality], name
        assert details[0]["tokenCount"] == (count or details[0]["tokenCount"]) > 0, name
    # The bytes must be of the kind that they are declared to be, and one content has one video and one document.
    picture = base64.b64encode((folder / "scene.jpg").read_bytes()).decode()
    status, reply = embed(server, parts({"inlineData": {"mimeType": "image/png", "data": picture}}))
    assert status == 200, reply
    refused(server, parts({"inlineData": {"mimeType": "video/mp4", "data": picture}}))
    for name, mime in (("clip.mp4", "video/mp4"), ("two-pages.pdf", "application/pdf")):
        part = {"inlineData": {"mimeType": mime, "data": base64.b64encode((folder / name).read_bytes()).decode()}}
        refused(server, parts(part, part), "the limit is 1")


def pdf_without_text():
    """A page with a gray square."""
    drawing = b"0.5 g 20 20 60 60 re f"
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 100 100]/Contents 4 0 R>>",
               b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing)]
    file, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj%sendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return file + b"xref\n0 5\n0000000000 65535 f \n%strailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (table, len(file))


def test_pages_without_text_are_read_or_refused(server):
    part = {"inlineData": {"mimeType": "application/pdf", "data": base64.b64encode(pdf_without_text()).decode()}}
    status, plain = embed(server, parts(part))
    assert status == 200 and plain["usageMetadata"]["promptTokenCount"] == 258, plain
    status, reply = embed(server, parts(part, embedContentConfig={"documentOcr": True, "outputDimensionality": 4}))
    # As the program was built; passed over it must not be.
    assert status == 200 or status == 400 and "documentOcr" in reply["error"]["message"], reply


def test_audio_is_180_seconds_at_most(server):
    import io
    import wave
    for seconds, wanted in ((180, 200), (181, 400)):
        sound = io.BytesIO()
        with wave.open(sound, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(1)
            file.setframerate(8000)
            file.writeframes(bytes((n * n >> 9) & 255 for n in range(8000)) * seconds)
        part = {"inlineData": {"mimeType": "audio/wav", "data": base64.b64encode(sound.getvalue()).decode()}}
        status, reply = embed(server, parts(part))
        assert status == wanted, reply
        if status == 200:
            assert reply["usageMetadata"]["promptTokenCount"] == 25 * 180


def test_other_hosts_are_refused_without_a_key(server):
    for host, wanted in (("castor.example", 200), ("localhost:1", 200), ("evil.example", 403), ("127.0.0.1.evil.example", 403)):
        status, _, reply = server.request("GET", "/v1beta/models", None, {"Host": host})
        assert status == wanted, reply


def test_uploads_say_where_and_whose(server):
    start = {"X-Goog-Upload-Protocol": "resumable", "X-Goog-Upload-Command": "start"}
    for headers, base in (({"Host": "castor.example:81"}, "http://castor.example:81/"),
                          ({"Host": "castor.example", "X-Forwarded-Proto": "https"}, "https://castor.example/")):
        status, reply, _ = server.request("POST", "/upload/v1beta/files", {"file": {"mimeType": "text/plain"}}, {**start, **headers})
        assert status == 200 and reply["x-goog-upload-url"].startswith(base), reply
        assert reply["x-goog-upload-control-url"] == reply["x-goog-upload-url"] and reply["x-goog-upload-chunk-granularity"] == "262144"
    body = {"file": {"name": "files/taken", "mimeType": "text/plain"}}
    assert server.upload(b"a", "text/plain", "taken")["name"] == "files/taken"
    status, _, data = server.request("POST", "/upload/v1beta/files", body, start)
    assert status == 409 and json.loads(data)["error"]["status"] == "ALREADY_EXISTS"
    server.json("DELETE", "/v1beta/files/taken")
    for mime in ("text/plain", "image/png", "audio/wav", "video/mp4", "application/pdf", "jsonl"):
        assert server.request("POST", "/upload/v1/files", {"file": {"mimeType": mime}}, start)[0] == 200
    for mime in ("bad/mime_type", "font/woff", "plain"):
        status, _, data = server.request("POST", "/upload/v1/files", {"file": {"mimeType": mime}}, start)
        assert status == 400 and "Unsupported MIME type" in json.loads(data)["error"]["message"]


def test_a_video_is_active_once_it_was_looked_into(server):
    file = server.upload((ROOT / "Tests/Fixtures/media/clip.mp4").read_bytes(), "video/mp4")
    start = time.monotonic()
    while file["state"] == "PROCESSING":
        standstill.pause(start)
        file = server.json("GET", f"/v1beta/{file['name']}")
    assert file["state"] == "ACTIVE"
    cut = {"fileData": {"fileUri": file["uri"], "mimeType": "video/mp4"}, "videoMetadata": {"endOffset": "2s"}}
    status, reply = embed(server, parts(cut))
    assert status == 200 and reply["usageMetadata"]["promptTokenCount"] == 2 * 66, reply
    assert embed(server, parts({"fileData": {"fileUri": file["uri"]}}))[1]["usageMetadata"]["promptTokenCount"] == 4 * 66
    status, _, data = server.request("GET", f"/v1beta/{file['name']}:download?alt=media")
    assert status == 400 and json.loads(data)["error"]["status"] == "FAILED_PRECONDITION"
    server.json("DELETE", f"/v1beta/{file['name']}")


def test_lists_of_files_have_pages(server):
    made = [server.upload(b"a", "text/plain")["name"] for _ in range(12)]
    page = server.json("GET", "/v1beta/files")
    assert [file["name"] for file in page["files"]] == made[:1:-1] and page["nextPageToken"]
    assert len(server.json("GET", "/v1beta/files?pageSize=1000")["files"]) >= 12
    for name in made:
        server.json("DELETE", f"/v1beta/{name}")


def test_a_finished_job_is_not_cancelled(server):
    created = server.json("POST", f"/v1beta/models/{MODEL}:asyncBatchEmbedContent", {"batch": {"inputConfig": {"requests": {
        "requests": [{"request": {"content": {"parts": [{"text": ""}]}}}]}}}})
    done = server.batch(created["name"])
    # All requests have failed: that is a success, too.
    assert done["metadata"]["state"] == "BATCH_STATE_SUCCEEDED" and done["metadata"]["batchStats"]["failedRequestCount"] == "1"
    assert server.json("POST", f"/v1beta/{created['name']}:cancel") == {}
    assert server.json("GET", f"/v1beta/{created['name']}") == done
    server.json("DELETE", f"/v1beta/{created['name']}")


def test_a_cancelled_job_has_no_results(server):
    requests = [{"request": {"content": {"parts": [{"text": "word " * 2000}]}}}] * 400
    name = server.json("POST", f"/v1beta/models/{MODEL}:asyncBatchEmbedContent",
                       {"batch": {"inputConfig": {"requests": {"requests": requests}}}})["name"]
    assert server.json("POST", f"/v1beta/{name}:cancel") == {}
    operation = server.json("GET", f"/v1beta/{name}")
    assert operation["metadata"]["state"] == "BATCH_STATE_CANCELLED" and operation["done"]
    assert "response" not in operation and "output" not in operation["metadata"] and operation["error"]["code"] == 1
    server.json("DELETE", f"/v1beta/{name}")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server with a key."""
    server = Server(tmp_path_factory.mktemp("guarded"), "--api-key", "k", "--cors-origin", "https://a.example")
    yield server
    assert server.stop() == 0


def test_all_keys_are_one_project_and_pages_need_leave(guarded):
    status, headers, _ = guarded.request("GET", "/v1/models", headers={"x-goog-api-key": "k", "Origin": "https://a.example"})
    assert status == 200 and headers["access-control-allow-origin"] == "https://a.example"
    _, headers, _ = guarded.request("GET", "/v1/models", headers={"x-goog-api-key": "k", "Origin": "https://b.example"})
    assert "access-control-allow-origin" not in headers
    status, _, data = guarded.request("GET", "/v1/models", headers={"Authorization": "Bearer ya29.token"})
    assert status == 400 and "API_KEY_INVALID" in data.decode()


def test_version_1_and_tasks(server):
    query = {**HELLO, "taskType": "RETRIEVAL_QUERY"}
    assert embed(server, query) == embed(server, HELLO)
    assert embed(server, query, model="gemini-embedding-001") != embed(server, HELLO, model="gemini-embedding-001")
    refused(server, parts({"inlineData": {"mimeType": "image/png", "data": PNG}}), "embeds text only", model="gemini-embedding-001")
