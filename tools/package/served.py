"""Vectors of a text and of files from a server that may still be starting, in the form of tools/package/vectors.

    python3 tools/package/served.py http://127.0.0.1:8080 FOLDER
"""

import base64
import json
import mimetypes
import pathlib
import sys
import time
import urllib.error
import urllib.request


def ready(url, seconds=60):
    for _ in range(seconds * 10):
        try:
            return urllib.request.urlopen(url + "/readyz").status
        except OSError:
            time.sleep(0.1)
    sys.exit(f"{url} is not ready after {seconds} s")


def vector(url, part):
    body = json.dumps({"content": {"parts": [part]}}).encode()
    try:
        answer = urllib.request.urlopen(url + "/v1beta/models/gemini-embedding-2:embedContent", body).read()
    except urllib.error.HTTPError as error:
        return error.read().decode()
    return " ".join(repr(value) for value in json.loads(answer)["embedding"]["values"])


def main(url, folder):
    ready(url)
    print("text", vector(url, {"text": "a sleepy kitten"}), sep="\t")
    kinds = {".heic": "image/heic", ".avif": "image/avif", ".webp": "image/webp", ".flac": "audio/flac", ".opus": "audio/ogg", ".ogg": "audio/ogg", ".m4a": "audio/mp4"}
    for path in sorted(pathlib.Path(folder).iterdir()):
        kind = kinds.get(path.suffix) or mimetypes.guess_type(path.name)[0]
        data = base64.b64encode(path.read_bytes()).decode()
        print(path.name, vector(url, {"inlineData": {"mimeType": kind, "data": data}}), sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])
