"""Shares of an input as a Slurm array has them, at once: the whole of it, as one process makes it."""

import json
import os
import pathlib
import subprocess
import sys

import pyarrow.dataset
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("CASTOR_PROGRAM", ROOT / ".build/release/castor"))
OPTIONS = ["--castor", str(PROGRAM), "--model", str(ROOT / "Tests/Fixtures/castor-nano"), "--dimensions", "8", "--slice-bytes", "1000"]


def test_an_array_is_the_whole(tmp_path):
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"key": f"k{number}", "text": f"text {number}"}) + "\n" for number in range(300)))
    jobs = [
        subprocess.Popen(
            [ROOT / "tools/spark/examples/slurm-array.sh", *OPTIONS], stderr=subprocess.PIPE, text=True, cwd=tmp_path, env={
                **os.environ, "SLURM_ARRAY_TASK_ID": str(index), "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_CPUS_PER_TASK": "1", "PYTHON": sys.executable,
                "SLURM_SUBMIT_DIR": str(ROOT), "INPUT": str(tmp_path / "in.jsonl"), "OUTPUT": str(tmp_path / "out")})
        for index in range(3)]
    for job in jobs:
        said = job.communicate()[1]
        assert job.returncode == 0, said
    table = pyarrow.dataset.dataset(tmp_path / "out", format="parquet").to_table()
    assert table["key"].to_pylist() == [f"k{number}" for number in range(300)]
    assert table["error"].null_count == 300 and all(len(vector) == 8 for vector in table["vector"].to_pylist())
    # One job finds all done.
    again = subprocess.run(
        [sys.executable, ROOT / "tools/spark/embed_share.py", tmp_path / "in.jsonl", tmp_path / "out", *OPTIONS], capture_output=True, text=True)
    assert again.returncode == 0 and again.stderr.startswith("castor: 0 rows"), again.stderr


def run(*arguments):
    return subprocess.run([sys.executable, ROOT / "tools/spark/embed_share.py", *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("option", [
    "--share=3/3", "--share=0/0", "--share=-1/3", "--share=x", "--threads=0", "--threads=1025", "--dimensions=0", "--dimensions=many", "--slice-bytes=0",
    "--slice-bytes=-5", "--slice-files=0", "--stall-seconds=0"])
def test_options_out_of_range(tmp_path, option):
    """Not 0 rows and exit status 0."""
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    said = run(tmp_path / "in.jsonl", tmp_path / "out", *OPTIONS, option)
    assert said.returncode == 2 and "must be" in said.stderr and "Traceback" not in said.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output, options, expected", [
    ("out", ["--castor", "/bin/false"], "/bin/false info ended with status 1"),
    ("out", ["--castor", "/bin/echo"], "/bin/echo is no castor"),
    ("out", ["--castor", "/no/such"], "--castor says where it is"),
    ("out", ["--task", "nonsense"], "'nonsense' is invalid"),
    ("in.jsonl", [], "non-directory"),
    ("in.jsonl/out", [], "Not a directory"),
    ("no-scheme://out", [], "Unrecognized filesystem")])
def test_errors_are_one_line(tmp_path, output, options, expected):
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n')
    said = run(tmp_path / "in.jsonl", output if "://" in output else tmp_path / output, *OPTIONS, *options)
    last = said.stderr.splitlines()[-1]
    assert said.returncode == 1 and "Traceback" not in said.stderr and last.startswith("castor: ") and expected in last, said.stderr


def test_two_runs_at_once(tmp_path):
    """Whoever ends first leaves the other's files alone."""
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"key": f"k{number}", "text": f"text {number}"}) + "\n" for number in range(1000)))
    command = [sys.executable, ROOT / "tools/spark/embed_share.py", tmp_path / "in.jsonl", tmp_path / "out", *OPTIONS, "--slice-bytes", "4000"]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for one in runs:
        said = one.communicate()[1]
        assert one.returncode == 0, said
    table = pyarrow.dataset.dataset(tmp_path / "out", format="parquet").to_table()
    assert table["key"].to_pylist() == [f"k{number}" for number in range(1000)]


def test_line_numbers_are_not_of_the_file(tmp_path):
    (tmp_path / "in.jsonl").write_text('nonsense\n{"text": "a"}\n{"request": {}}\n')
    assert run(tmp_path / "in.jsonl", tmp_path / "out", *OPTIONS).returncode == 0
    error = pyarrow.dataset.dataset(tmp_path / "out", format="parquet").to_table()["error"].to_pylist()[2]
    assert error["message"] == 'request: lacks "content"'
