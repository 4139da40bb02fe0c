"""Where the adapter for MTEB has its vectors from; the adapter itself needs mteb, and make mteb."""

import shutil
import sys

import numpy
import pytest

from conftest import NANO, PROGRAM, ROOT

sys.path.insert(0, str(ROOT / "tools/mteb"))
import vectors  # noqa: E402

# As clients/plain.py has it.
CLOSE = 4e-6
# More than the server takes at once, one of them without a vector.
TEXTS = [f"text {number}" for number in range(150)]
TEXTS[120] = ""
REQUESTS = [{"content": {"parts": [{"text": text}]}} for text in TEXTS]


def test_program_and_server_give_the_same(server):
    program, served = vectors.Program(PROGRAM, NANO), vectors.Server(server.url)
    assert served.name == program.name and served.dimensions == program.dimensions
    found, other = list(program.embed(REQUESTS, 64)), list(served.embed(REQUESTS, 64))
    assert len(found) == len(other) == len(TEXTS)
    for both in (found, other):
        assert "empty" in both.pop(120)
    assert numpy.abs(numpy.array(found) - numpy.array(other)).max() <= CLOSE


def test_whether_a_server_puts_prompts_is_tried(server, imported_server):
    assert not vectors.Server(server.url).has_prompts
    assert vectors.Server(imported_server.url).has_prompts


def test_another_models_files_have_another_digest(tmp_path):
    shutil.copytree(NANO, tmp_path / "model")
    first = vectors.digest(tmp_path / "model")
    assert first == vectors.digest(NANO)
    (tmp_path / "model/README.md").write_text("What is written about it does not matter.")
    assert vectors.digest(tmp_path / "model") == first
    with open(tmp_path / "model/model.safetensors", "r+b") as weights:
        weights.seek(-1, 2)
        weights.write(b"\x07")
    assert vectors.digest(tmp_path / "model") != first


def test_what_cannot_be_had_is_said(tmp_path):
    with pytest.raises(vectors.Unavailable, match="build it"):
        vectors.Program(str(tmp_path / "castor"))
    with pytest.raises(vectors.Unavailable, match="no such|not there|No such"):
        vectors.Program(PROGRAM, tmp_path / "nothing")
    with pytest.raises(vectors.Unavailable, match="127.0.0.1:9"):
        vectors.Server("http://127.0.0.1:9")
