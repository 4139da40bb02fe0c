"""What the server says to a request written by hand: what a client must come to as well."""

import json
import math
import pathlib
import urllib.request

MEDIA = pathlib.Path(__file__).resolve().parents[2] / "Fixtures/media"
PNG = (MEDIA / "gray.png").read_bytes()
WAV = (MEDIA / "chirp-16k.wav").read_bytes()


def call(url, path, body):
    request = urllib.request.Request(
        url + path, json.dumps(body).encode(), {"Content-Type": "application/json", "x-goog-api-key": "k"})
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


def vector(url, *parts, dimensions=None, model="gemini-embedding-2"):
    """Strings are texts, bytes are PNG."""
    import base64
    content = {"parts": [
        {"text": part} if isinstance(part, str)
        else {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(part).decode()}} for part in parts]}
    body = {"content": content} | ({"outputDimensionality": dimensions} if dimensions else {})
    return call(url, f"/v1beta/models/{model}:embedContent", body)["embedding"]["values"]


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
