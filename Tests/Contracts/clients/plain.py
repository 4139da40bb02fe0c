"""What a client must come to: the vectors of `castor embed`, the same program without its server."""

import base64
import functools
import json
import math
import os
import pathlib
import subprocess
import urllib.request

MEDIA = pathlib.Path(__file__).resolve().parents[2] / "Fixtures/media"
PNG = (MEDIA / "gray.png").read_bytes()
WAV = (MEDIA / "chirp-16k.wav").read_bytes()
CLIP = (MEDIA / "clip.mp4").read_bytes()
PDF = (MEDIA / "two-pages.pdf").read_bytes()
TYPES = {PNG: "image/png", WAV: "audio/wav", CLIP: "video/mp4", PDF: "application/pdf"}


@functools.cache
def vectors(contents, dimensions=None, **config):
    """One vector a content, which is a tuple of parts: strings are texts, bytes one of the media above."""
    lines = []
    for content in contents:
        parts = [
            {"text": part} if isinstance(part, str)
            else {"inlineData": {"mimeType": TYPES[part], "data": base64.b64encode(part).decode()}} for part in content]
        if "video" in config:
            parts[-1]["videoMetadata"] = json.loads(config["video"])
        request = {"content": {"parts": parts}}
        settings = {name: value for name, value in config.items() if name != "video"}
        if dimensions or settings:
            request["embedContentConfig"] = settings | ({"outputDimensionality": dimensions} if dimensions else {})
        lines.append(json.dumps({"key": str(len(lines)), "request": request}))
    run = subprocess.run(
        [os.environ["CASTOR_PROGRAM"], "embed", "--batch", "-"], input="\n".join(lines), capture_output=True, text=True, check=True)
    answers = [json.loads(line)["response"]["embedding"]["values"] for line in run.stdout.splitlines()]
    assert len(answers) == len(contents)
    return answers


def vector(*parts, dimensions=None, **config):
    return vectors((parts,), dimensions, **config)[0]


def texts_to_vectors(texts, dimensions=None):
    return vectors(tuple((text,) for text in texts), dimensions)


def version1(url, text, dimensions=None, task=None, title=None):
    """What gemini-embedding-001 says to a plain request."""
    body = {"content": {"parts": [{"text": text}]}, "outputDimensionality": dimensions, "taskType": task, "title": title}
    request = urllib.request.Request(
        f"{url}/v1beta/models/gemini-embedding-001:embedContent", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)["embedding"]["values"]


def same(got, wanted):
    """The same vector, whatever it was batched with."""
    got = list(got)
    assert len(got) == len(wanted), f"{len(got)} values, not {len(wanted)}"
    worst = max(abs(a - b) for a, b in zip(got, wanted))
    assert worst <= 4e-6, f"values differ by {worst}"


def unit(values):
    assert abs(math.sqrt(sum(v * v for v in values)) - 1) < 1e-5


class Raises:
    """The error that the body must raise; its text must have all the words."""

    def __init__(self, *words, kind=Exception):
        self.words, self.kind, self.error = words, kind, None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert error is not None, "nothing was raised"
        if not isinstance(error, self.kind):
            return False
        self.error = error
        for word in self.words:
            assert word in str(error), f"no {word!r} in {error}"
        return True
