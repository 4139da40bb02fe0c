"""google-genai, of the version that PYTHONPATH gives."""

import io
import json
import tempfile
import time

from google import genai
from google.genai import errors, types

from plain import CLIP, PDF, PNG, TYPES, WAV, Raises, same, texts_to_vectors, unit, vector

MODEL = "gemini-embedding-2"
VERSION = tuple(int(part) for part in genai.__version__.split(".")[:2])
# From some release in 1.68 ... 1.75 on, strings for version 2 are joined to one content before they are sent.
JOINS_STRINGS = VERSION >= (1, 75)


# Some versions close a client's connections when nobody holds it any more, though its `models` may be held.
KEPT = []


def client(url, **options):
    KEPT.append(genai.Client(api_key="test-key", http_options=types.HttpOptions(base_url=url, **options)))
    return KEPT[-1]


def vertex(url):
    KEPT.append(genai.Client(vertexai=True, api_key="test-key", http_options=types.HttpOptions(base_url=url)))
    return KEPT[-1]


def media(data):
    return types.Part.from_bytes(data=data, mime_type=TYPES[data])


def content(text):
    return types.Content(parts=[types.Part(text=text)])


def check_one_text(url):
    reply = client(url).models.embed_content(model=MODEL, contents="hello")
    assert len(reply.embeddings) == 1
    same(reply.embeddings[0].values, vector("hello"))
    unit(reply.embeddings[0].values)


def check_dimensions(url):
    for count in (1, 10, 768, 3072):
        reply = client(url).models.embed_content(
            model=MODEL, contents="hello", config=types.EmbedContentConfig(output_dimensionality=count))
        same(reply.embeddings[0].values, vector("hello", dimensions=count))


def check_list_of_strings(url):
    reply = client(url).models.embed_content(model=MODEL, contents=["a", "b", "c"])
    if JOINS_STRINGS:
        assert len(reply.embeddings) == 1
        same(reply.embeddings[0].values, vector("a", "b", "c"))
    else:
        assert len(reply.embeddings) == 3
        for item, wanted in zip(reply.embeddings, texts_to_vectors("abc")):
            same(item.values, wanted)


def check_list_of_contents_in_order(url):
    texts = [f"text {number} " * (number % 7 + 1) for number in range(40)]
    reply = client(url).models.embed_content(model=MODEL, contents=[content(text) for text in texts])
    assert len(reply.embeddings) == 40
    for item, wanted in zip(reply.embeddings, texts_to_vectors(texts)):
        same(item.values, wanted)


def check_version_1(url):
    reply = client(url).models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert len(reply.embeddings) == 2
    same(reply.embeddings[1].values, vector("b"))


def check_text_and_image(url):
    parts = [types.Part(text="a gray picture"), media(PNG)]
    reply = client(url).models.embed_content(model=MODEL, contents=types.Content(parts=parts))
    assert len(reply.embeddings) == 1
    same(reply.embeddings[0].values, vector("a gray picture", PNG))


def check_audio(url):
    part = types.Part.from_bytes(data=WAV, mime_type="audio/x-wav")
    reply = client(url).models.embed_content(model=MODEL, contents=types.Content(parts=[part]))
    same(reply.embeddings[0].values, vector(WAV))


def check_document_and_text(url):
    reply = client(url).models.embed_content(model=MODEL, contents=types.Content(parts=[media(PDF), types.Part(text="a")]))
    same(reply.embeddings[0].values, vector(PDF, "a"))


def check_part_of_a_video(url):
    clip = types.Part(
        inline_data=types.Blob(data=CLIP, mime_type="video/mp4"),
        video_metadata=types.VideoMetadata(start_offset="1s", end_offset="3s", fps=2))
    reply = client(url).models.embed_content(model=MODEL, contents=types.Content(parts=[clip]))
    wanted = vector(CLIP, video=json.dumps({"startOffset": "1s", "endOffset": "3s", "fps": 2}))
    same(reply.embeddings[0].values, wanted)
    assert wanted != vector(CLIP), "the part is like the whole, so this check shows nothing"


def check_task_title_and_unicode(url):
    config = types.EmbedContentConfig(task_type="RETRIEVAL_DOCUMENT", title="T", output_dimensionality=256)
    reply = client(url).models.embed_content(model=MODEL, contents="Grüße, 世界 🐱", config=config)
    # As hosted, a task has no effect on version 2.
    same(reply.embeddings[0].values, vector("Grüße, 世界 🐱", dimensions=256))


async def check_async(url):
    import asyncio
    models = client(url).aio.models
    replies = await asyncio.gather(*[models.embed_content(model=MODEL, contents=f"text {n}") for n in range(12)])
    for reply, wanted in zip(replies, texts_to_vectors([f"text {n}" for n in range(12)])):
        same(reply.embeddings[0].values, wanted)


def check_errors(url):
    models = client(url).models
    with Raises("contains an empty Part", kind=errors.ClientError) as caught:
        models.embed_content(model=MODEL, contents="")
    assert caught.error.code == 400 and caught.error.status == "INVALID_ARGUMENT"
    with Raises("is not found for API version", kind=errors.ClientError) as caught:
        models.embed_content(model="text-embedding-004", contents="a")
    assert caught.error.code == 404
    with Raises("output_dimensionality", kind=errors.ClientError):
        models.embed_content(model=MODEL, contents="a", config=types.EmbedContentConfig(output_dimensionality=4000))
    with Raises("at most 100 requests", kind=errors.ClientError):
        models.embed_content(model=MODEL, contents=[content("a")] * 101)


def check_models_and_tokens(url):
    models = client(url).models
    assert models.get(model=MODEL).input_token_limit == 8192
    assert f"models/{MODEL}" in [model.name for model in models.list()]
    assert models.count_tokens(model=MODEL, contents="hello world").total_tokens > 0


def check_every_api_version(url):
    for version in ("v1", "v1beta", "v1alpha"):
        reply = client(url, api_version=version).models.embed_content(model=MODEL, contents="hello")
        same(reply.embeddings[0].values, vector("hello"))


# Files


def check_file_from_a_path(url):
    files = client(url).files
    with tempfile.NamedTemporaryFile(suffix=".png") as picture:
        picture.write(PNG)
        picture.flush()
        file = files.upload(file=picture.name, config={"display_name": "gray"})
    assert file.state.name == "ACTIVE" and file.mime_type == "image/png" and file.size_bytes == len(PNG)
    assert file.display_name == "gray" and file.source.name == "UPLOADED"
    again = files.get(name=file.name)
    assert again.uri == file.uri and again.sha256_hash == file.sha256_hash
    assert file.name in [each.name for each in files.list(config={"page_size": 2})]
    files.delete(name=file.name)
    with Raises("You do not have permission to access the File", kind=errors.ClientError) as caught:
        files.get(name=file.name)
    assert caught.error.code == 403


def check_upload_then_embed(url):
    this = client(url)
    file = this.files.upload(file=io.BytesIO(PNG), config={"mime_type": "image/png"})
    part = types.Part.from_uri(file_uri=file.uri, mime_type=file.mime_type)
    reply = this.models.embed_content(model=MODEL, contents=types.Content(parts=[types.Part(text="a"), part]))
    same(reply.embeddings[0].values, vector("a", PNG))
    for uri in ("https://example.com/cat.png", "gs://bucket/cat.png", "/etc/passwd", "files/nobody"):
        with Raises(kind=errors.ClientError):
            this.models.embed_content(
                model=MODEL, contents=types.Content(parts=[types.Part.from_uri(file_uri=uri, mime_type="image/png")]))


def check_upload_in_chunks(url):
    import base64
    import hashlib
    data = bytes(range(256)) * (1 << 15) + b"and ten mo"
    name = f"chunks-{VERSION[0]}-{VERSION[1]}"
    file = client(url).files.upload(file=io.BytesIO(data), config={"name": name, "mime_type": "application/octet-stream"})
    assert file.name == f"files/{name}" and file.size_bytes == len(data) > 1 << 23
    assert base64.b64decode(file.sha256_hash).decode() == hashlib.sha256(data).hexdigest()


def check_unsupported_mime_type(url):
    with Raises("Unsupported MIME", kind=errors.APIError):
        client(url).files.upload(file=io.BytesIO(b"x"), config={"mime_type": "bad/mime_type"})


async def check_async_file(url):
    files = client(url).aio.files
    file = await files.upload(file=io.BytesIO(PNG), config={"mime_type": "image/png"})
    assert (await files.get(name=file.name)).state.name == "ACTIVE"
    await files.delete(name=file.name)


# Batch jobs


def finished(this, job):
    while job.state.name in ("JOB_STATE_PENDING", "JOB_STATE_RUNNING", "JOB_STATE_QUEUED"):
        time.sleep(0.05)
        job = this.batches.get(name=job.name)
    return job


def check_batch_inline(url):
    this = client(url)
    texts = [f"text {number}" for number in range(5)]
    job = this.batches.create_embeddings(
        model=MODEL, config={"display_name": "five"}, src=types.EmbeddingsBatchJobSource(
            inlined_requests=types.EmbedContentBatch(
                contents=[content(text) for text in texts], config=types.EmbedContentConfig(output_dimensionality=64))))
    assert job.name.startswith("batches/") and job.display_name == "five"
    job = finished(this, job)
    assert job.state.name == "JOB_STATE_SUCCEEDED" and job.model == f"models/{MODEL}" and job.end_time
    answers = job.dest.inlined_embed_content_responses
    assert len(answers) == 5
    for answer, wanted in zip(answers, texts_to_vectors(texts, 64)):
        same(answer.response.embedding.values, wanted)
    assert job.name in [each.name for each in this.batches.list(config={"page_size": 5})]
    this.batches.delete(name=job.name)
    with Raises(kind=errors.ClientError):
        this.batches.get(name=job.name)


def check_batch_from_a_file(url):
    this = client(url)
    lines = [
        {"key": f"r{number}", "request": {"output_dimensionality": 32, "content": {"parts": [{"text": text}]}}}
        for number, text in enumerate(["one", "", "three"])]
    data = "\n".join(json.dumps(line) for line in lines).encode()
    file = this.files.upload(file=io.BytesIO(data), config={"mime_type": "jsonl"})
    job = finished(this, this.batches.create_embeddings(
        model=MODEL, src=types.EmbeddingsBatchJobSource(file_name=file.name)))
    assert job.state.name == "JOB_STATE_SUCCEEDED"
    results = [json.loads(line) for line in this.files.download(file=job.dest.file_name).splitlines()]
    assert [result["key"] for result in results] == ["r0", "r1", "r2"]
    same(results[0]["response"]["embedding"]["values"], vector("one", dimensions=32))
    same(results[2]["response"]["embedding"]["values"], vector("three", dimensions=32))
    assert results[1]["error"]["code"] == 3 and "empty Part" in results[1]["error"]["message"]


def check_batch_cancelled(url):
    this = client(url)
    job = this.batches.create_embeddings(
        model=MODEL, src=types.EmbeddingsBatchJobSource(
            inlined_requests=types.EmbedContentBatch(contents=[content("word " * 500)] * 200)))
    this.batches.cancel(name=job.name)
    assert finished(this, job).state.name in ("JOB_STATE_CANCELLED", "JOB_STATE_SUCCEEDED")


# Vertex


def check_vertex_one(url):
    # 1.56 sends everything to :predict, later ones version 2 to :embedContent.
    reply = vertex(url).models.embed_content(
        model=MODEL, contents="hello", config=types.EmbedContentConfig(output_dimensionality=128))
    same(reply.embeddings[0].values, vector("hello", dimensions=128))


def check_vertex_predict(url):
    reply = vertex(url).models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert len(reply.embeddings) == 2
    same(reply.embeddings[1].values, vector("b"))


def check_vertex_several(url):
    contents = [content("a"), types.Content(parts=[types.Part(text="b"), media(PNG)])]
    embed = vertex(url).models.embed_content
    if VERSION < (1, 75):
        # Sends texts alone, to :predict.
        reply = embed(model=MODEL, contents=["a", "b"])
        same(reply.embeddings[1].values, vector("b"))
    elif VERSION < (3, 0):
        with Raises(kind=ValueError):
            embed(model=MODEL, contents=contents)
        reply = embed(model=MODEL, contents=contents[1])
        same(reply.embeddings[0].values, vector("b", PNG))
    else:
        reply = embed(model=MODEL, contents=contents)
        assert len(reply.embeddings) == 2
        same(reply.embeddings[0].values, vector("a"))
        same(reply.embeddings[1].values, vector("b", PNG))


def check_vertex_settings(url):
    long, config = "word " * 9000, types.EmbedContentConfig(auto_truncate=False, output_dimensionality=64)
    with Raises(kind=errors.ClientError):
        vertex(url).models.embed_content(model=MODEL, contents=long, config=config)
    # 1.56 sends texts alone.
    if VERSION >= (1, 75):
        config = types.EmbedContentConfig(audio_track_extraction=True, output_dimensionality=64)
        reply = vertex(url).models.embed_content(model=MODEL, contents=types.Content(parts=[media(CLIP)]), config=config)
        wanted = vector(CLIP, dimensions=64, audioTrackExtraction=True)
        same(reply.embeddings[0].values, wanted)
        assert wanted != vector(CLIP, dimensions=64)


async def check_vertex_async(url):
    reply = await vertex(url).aio.models.embed_content(model=MODEL, contents="hello")
    same(reply.embeddings[0].values, vector("hello"))


def check_vertex_models(url):
    assert vertex(url).models.get(model=MODEL).name == f"publishers/google/models/{MODEL}"
    assert f"publishers/google/models/{MODEL}" in [model.name for model in vertex(url).models.list()]


def check_there_are_no_tuned_models(url):
    assert list(client(url).models.list(config={"query_base": False})) == []
