"""Shares of an input as a Slurm array has them, at once: the whole of it, as one process makes it."""

import json
import os
import pathlib
import subprocess
import sys

import pyarrow.dataset

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
