"""embed.py on Spark in this process, where it goes wrong: a line that says so, and the same command goes on."""

import json
import os
import signal
import subprocess
import sys
import time

import pyarrow.dataset
import pytest
from test_share import OPTIONS, ROOT

SPARK = ["--master", "local[2]", "--conf", "spark.ui.enabled=false", "--conf", "spark.ui.showConsoleProgress=false"]


def start(*arguments):
    # With a group of its own, as a command in a terminal.
    return subprocess.Popen(
        [sys.executable, ROOT / "tools/spark/embed.py", *arguments], stderr=subprocess.PIPE, text=True, process_group=0,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))


def test_stopped_by_control_c(tmp_path):
    count = 600
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"key": f"k{number}", "text": f"text {number}"}) + "\n" for number in range(count)))
    command = [tmp_path / "in.jsonl", tmp_path / "out", *OPTIONS, *SPARK]
    one = start(*command)
    while not list((tmp_path / "out").glob("part-*")) and one.poll() is None:
        time.sleep(0.05)
    os.killpg(one.pid, signal.SIGINT)
    said = one.communicate()[1]
    assert one.returncode == 1 and said.splitlines()[-1].startswith("castor: stopped"), said[-4000:]
    one = start(*command)
    said = one.communicate()[1]
    assert one.returncode == 0 and "were done before" in said, said[-4000:]
    table = pyarrow.dataset.dataset(tmp_path / "out", format="parquet").to_table()
    assert table["key"].to_pylist() == [f"k{number}" for number in range(count)]


@pytest.mark.parametrize("options, status, expected", [
    (["--conf", "nonsense"], 2, "must be NAME=VALUE"),
    (["--master", "nonsense"], 1, "castor: Spark does not start"),
    (["--threads", "64"], 1, "cpus per task = 64")])
def test_settings_that_cannot_be(tmp_path, options, status, expected):
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    one = start(tmp_path / "in.jsonl", tmp_path / "out", *OPTIONS, *SPARK, *options)
    said = one.communicate()[1]
    assert one.returncode == status and expected in said.splitlines()[-1] and "embed.py\", line" not in said, said[-4000:]
