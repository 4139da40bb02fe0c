"""Runs on one folder of results: at once, one after the other, with other options, other inputs, and after a kill. No row is there twice."""

import json
import os
import pathlib
import threading
import time

import pyarrow.dataset
import pytest
from test_bulk_data import OPTIONS, make_input, options, results, rows, slices, write


def test_other_options(tmp_path):
    output = results.Results(str(tmp_path))
    output.begin(OPTIONS.identity)
    output.begin(OPTIONS.identity)
    with pytest.raises(results.OtherResults, match="dimensions was None, is 256"):
        output.begin(options.Options(model_identity="a model", dimensions=256).identity)
    with pytest.raises(results.OtherResults, match="model"):
        output.begin(options.Options(model_identity="another").identity)
    with pytest.raises(results.OtherResults, match="sliceBytes was 4194304, is 1000"):
        output.begin(options.Options(model_identity="a model", slice_bytes=1000).identity)


def test_manifest_of_before(tmp_path):
    """Cuts were not in it."""
    identity = OPTIONS.identity
    (tmp_path / results.MANIFEST).write_text(json.dumps({name: value for name, value in identity.items() if name not in results.CUTS}))
    results.Results(str(tmp_path)).begin(identity)


@pytest.mark.parametrize("text", ["", "{", "[1]", "3"])
def test_manifest_that_is_damaged(tmp_path, text):
    (tmp_path / results.MANIFEST).write_text(text)
    with pytest.raises(results.OtherResults, match="damaged"):
        results.Results(str(tmp_path)).begin(OPTIONS.identity)


def test_runs_that_begin_at_once(tmp_path):
    """One of several with other options each goes on."""
    went_on, barrier = [], threading.Barrier(8)

    def begin(number):
        output = results.Results(str(tmp_path))
        barrier.wait()
        try:
            output.begin(options.Options(model_identity="a model", slice_bytes=number).identity)
            went_on.append(number)
        except results.OtherResults:
            pass

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert went_on == [json.loads((tmp_path / results.MANIFEST).read_text())["sliceBytes"]]


def positions(folder):
    return pyarrow.dataset.dataset(folder, format="parquet").to_table()["position"].to_pylist()


def moved(tmp_path):
    """Results of a file, and the plan when another one stands before it."""
    (tmp_path / "in").mkdir()
    output = results.Results(str(tmp_path / "out"))
    before = make_input(tmp_path / "in")
    for piece in before:
        write(output, piece)
    (tmp_path / "in/first.jsonl").write_text("\n")
    return output, before, slices.plan(str(tmp_path / "in"), slice_bytes=100)


def test_failed_slices_that_moved(tmp_path):
    output, before, plan = moved(tmp_path)
    todo = output.missing(plan, retry_failed=True)
    # The new file, and the slice of k7.
    assert len(todo) == 2
    for piece in todo:
        write(output, piece)
    assert positions(tmp_path / "out") == sorted(set(positions(tmp_path / "out")))
    output.end(plan)


def test_a_slice_under_two_names(tmp_path):
    """A run that began before the other file was there wrote at the old place."""
    output, before, plan = moved(tmp_path)
    for piece in output.missing(plan):
        write(output, piece)
    write(output, before[3])
    with pytest.raises(results.OtherResults, match="1 are not of this run"):
        output.end(plan)
    assert output.missing(plan) == []
    output.end(plan)
    assert len(positions(tmp_path / "out")) == 30


def test_files_that_are_gone_at_the_end(tmp_path):
    plan = make_input(tmp_path)
    output = results.Results(str(tmp_path / "out"))
    for piece in plan[1:]:
        write(output, piece)
    with pytest.raises(results.OtherResults, match="1 files of results are not there"):
        output.end(plan)


def test_half_written_files(tmp_path):
    """Those of another run stay while it may be writing."""
    plan = make_input(tmp_path)
    one, other = (results.Results(str(tmp_path / "out"), name) for name in ("one", "other"))
    mine, others, killed = (pathlib.Path(output._temporary("0" * 16)) for output in (one, other, other))
    for path in (mine, others, killed):
        path.touch()
    os.utime(killed, (0, time.time() - results.ABANDONED_SECONDS - 1))
    for piece in plan:
        write(one, piece)
    one.end(plan)
    assert list((tmp_path / "out" / results.TEMPORARY).iterdir()) == [others]
    assert len([row for piece in plan for row in rows.read(piece, OPTIONS)]) == 30
