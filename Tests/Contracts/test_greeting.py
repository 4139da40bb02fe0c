"""What a server says to a person at a terminal, pasted as it stands."""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys

import pytest

from conftest import NANO, PROGRAM


@contextlib.contextmanager
def at_a_terminal(folder, model, *arguments):
    """The lines, of a server at a terminal of its own."""
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "serve", "--model", model, "--port", "0", "--log-level", "error", "--data-dir", folder / "state", *arguments],
        stdin=end, stdout=end, stderr=end, start_new_session=True)
    os.close(end)
    text = b""
    while b"JavaScript" not in text or not text.endswith(b"\n"):
        text += os.read(terminal, 4096)
    yield text.decode().replace("\r\n", "\n")
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 0
    os.close(terminal)


@pytest.fixture(params=[[], ["--api-key", "secret"]], ids=["open", "keyed"])
def greeting(request, tmp_path):
    """With its key where it has one."""
    with at_a_terminal(tmp_path, NANO, *request.param) as text:
        yield text.replace("YOUR-KEY", "secret"), bool(request.param)


def test_a_name_is_pasted_only_where_it_is_plain(tmp_path):
    model = tmp_path / "model"
    shutil.copytree(NANO, model)
    config = json.loads((model / "config.json").read_text()) | {"name": 'x"); print("y'}
    (model / "config.json").write_text(json.dumps(config))
    with at_a_terminal(tmp_path, model) as text:
        assert "print" not in text and 'embed_content(model="gemini-embedding-001", ' in text


def test_the_lines_do_what_they_promise(greeting):
    text, is_keyed = greeting
    assert ("x-goog-api-key" in text) == is_keyed
    (line,) = re.findall(r"^  (curl .*)$", text, re.MULTILINE)
    answer = subprocess.run(["sh", "-c", f"{line} --silent"], capture_output=True, text=True, check=True).stdout
    values = json.loads(answer)["embedding"]["values"]
    first, second, third = re.search(r"^  Python +(.*)\n +(client = .*)\n +(client\..*)$", text, re.MULTILINE).groups()
    script = f"{first}\n{second}\nfound = {third}\nprint([each.values for each in found.embeddings])"
    found = json.loads(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout)
    assert len(found) == 2 and found[0] == pytest.approx(values, abs=1e-6)
    (script,) = re.findall(r"^  JavaScript +(.*)$", text, re.MULTILINE)
    # As a browser's console has it; without one to run it in, what it asks for is read.
    assert script.count('"') % 2 == 0 and f'fetch("{re.search("http://[0-9.:]+", line)[0]}/' in script
    if node := shutil.which("node"):
        run = subprocess.run(
            [node, "--input-type=module", "-e", f"console.log(JSON.stringify({script}))"], capture_output=True, text=True, check=True)
        assert json.loads(run.stdout)["embedding"]["values"] == pytest.approx(values, abs=1e-6)


def test_scripts_read_one_line(tmp_path):
    process = subprocess.Popen(
        [PROGRAM, "serve", "--model", NANO, "--port", "0", "--log-level", "error", "--data-dir", tmp_path / "state"],
        stderr=subprocess.PIPE, text=True)
    first = process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    assert first.startswith("castor: listening at http://") and process.stderr.read() == ""
    assert process.wait() == 0
