"""Slices, rows and results of bulk embedding (tools/spark), without Spark: nothing is lost between two slices, and a second run knows what is done."""

import gzip
import json
import os
import pathlib
import random
import sys

import numpy
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools/spark"))
from bulk import options, process, results, rows, slices  # noqa: E402

OPTIONS = options.Options(model_identity="a model")


def read(plan, chosen=OPTIONS):
    return [row for piece in plan for row in rows.read(piece, chosen)]


def text_of(row):
    return json.loads(row.request)["content"]["parts"][0]["text"]


# MARK: JSONL

@pytest.mark.parametrize("slice_bytes", [1, 2, 7, 64, 1000, 1 << 20])
@pytest.mark.parametrize("end", ["\n", ""])
def test_lines_belong_to_one_slice(tmp_path, slice_bytes, end):
    random_ = random.Random(slice_bytes)
    texts = ["é" * random_.randrange(30) for _ in range(60)]
    # Blank lines and two kinds of line ends between them.
    lines = [json.dumps({"key": str(number), "text": text}, ensure_ascii=False) for number, text in enumerate(texts)]
    (tmp_path / "a.jsonl").write_bytes(("\r\n\n".join(lines) + end).encode())
    got = read(slices.plan(str(tmp_path / "a.jsonl"), slice_bytes=slice_bytes))
    assert [row.key for row in got] == [str(number) for number in range(60)]
    assert [text_of(row) for row in got] == texts
    data = (tmp_path / "a.jsonl").read_bytes()
    assert all(data[row.position:].startswith(b'{"key": "%b"' % row.key.encode()) for row in got)


def test_files_of_a_folder_in_order(tmp_path):
    for name in ("b.jsonl", "a.jsonl", "sub/c.ndjson", "_SUCCESS", ".hidden.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"key": name, "text": "x"}) + "\n")
    (tmp_path / "d.jsonl.gz").write_bytes(gzip.compress(b"".join(b'{"key": "d%d", "text": "x"}\n' % n for n in range(9))))
    (tmp_path / "empty.jsonl").touch()
    got = read(slices.plan(str(tmp_path), slice_bytes=3))
    assert [row.key for row in got] == ["a.jsonl", "b.jsonl", *(f"d{n}" for n in range(9)), "sub/c.ndjson"]


def test_what_a_line_may_be(tmp_path):
    lines = [
        '\ufeff{"key": "bom", "text": "a"}', '{"key": 7, "request": {"content": {"parts": [{"text": "b"}]}}}', '{"text": "c"}', '{"key": "d"', "[1]",
        '{"key": "f", "body": "x"}', '{"key": "g", "text": 3}']
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines))
    got = read(slices.plan(str(path)))
    assert [row.key for row in got][:2] == ["bom", "7"]
    assert [row.key.startswith("a.jsonl:") for row in got] == [False, False, True, True, True, False, False]
    assert [row.request is not None for row in got] == [True, True, True, False, False, False, False]
    assert "not valid JSON" in got[3].problem and "not a JSON object" in got[4].problem and "'text'" in got[5].problem


def test_named_columns(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 3, "body": "words"}\n')
    row, = read(slices.plan(str(path)), options.Options(key_column="id", text_column="body"))
    assert row.key == "3" and text_of(row) == "words"


@pytest.mark.parametrize("is_last", [False, True])
def test_a_line_that_is_too_long(tmp_path, monkeypatch, is_last):
    monkeypatch.setattr(rows, "MAX_LINE_BYTES", 1000)
    path = tmp_path / "a.jsonl"
    long = json.dumps({"key": "long", "text": "x" * 5_000_000}).encode()
    short = b'{"key": "short", "text": "y"}\n'
    path.write_bytes(short + long + (b"" if is_last else b"\n" + short))
    got = read(slices.plan(str(path), slice_bytes=700_000))
    assert [row.key for row in got] == ["short", f"a.jsonl:{len(short)}"] + ([] if is_last else ["short"])
    assert "longer than" in got[1].problem


# MARK: Parquet

def test_parquet_row_groups(tmp_path):
    table = pyarrow.table({
        "key": [f"k{n}" for n in range(25)],
        "text": [None if n in (3, 4, 5) else f"text {n}" for n in range(25)],
        "data": [b"bytes" if n == 3 else None for n in range(25)],
        "request": ['{"content":\n{"parts": [{"text": "asked"}]}}' if n == 4 else "{" if n == 6 else None for n in range(25)]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=10)
    plan = slices.plan(str(tmp_path))
    assert [(piece.kind, piece.position) for piece in plan] == [("parquet", 0), ("parquet", 10), ("parquet", 20)]
    got = read(plan)
    assert [(row.key, row.position) for row in got] == [(f"k{n}", n) for n in range(25)]
    assert text_of(got[0]) == "text 0" and text_of(got[4]) == "asked" and b"\n" not in got[4].request
    assert json.loads(got[3].request) == {"content": {"parts": [{"inlineData": {"data": "Ynl0ZXM="}}]}}
    assert [row.key for row in got if row.problem] == ["k5", "k6"]


def test_parquet_without_a_column(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"words": ["a"]}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="none of the columns"):
        read(slices.plan(str(tmp_path)))


# MARK: Files

def test_files_keep_their_slices(tmp_path):
    for number in range(0, 400, 2):
        (tmp_path / f"{number:04}.png").write_bytes(b"x")
    before = slices.plan(str(tmp_path), slice_files=8)
    got = read(before)
    assert [row.key for row in got] == [f"{number:04}.png" for number in range(0, 400, 2)]
    assert len(before) > 8
    (tmp_path / "0201.png").write_bytes(b"x")
    after = slices.plan(str(tmp_path), slice_files=8)
    assert len({piece.identity for piece in after} - {piece.identity for piece in before}) <= 2
    assert rows.working_folder(after[0]) == str(tmp_path)


# MARK: Results

def answer(number, is_error=False):
    return process.problem("is damaged") if is_error else process.Answer(
        numpy.array([number, 0.1], numpy.float32), {"promptTokenCount": 2, "promptTokenDetails": [{"modality": "TEXT", "tokenCount": 2}]}, None)


def make_input(folder, count=30):
    (folder / "in.jsonl").write_text("".join(json.dumps({"key": f"k{number}", "text": "x"}) + "\n" for number in range(count)))
    return slices.plan(str(folder / "in.jsonl"), slice_bytes=100)


def write(output, piece, half=False):
    pairs = ((row, answer(int(row.key[1:]), row.key == "k7")) for row in rows.read(piece, OPTIONS))
    return output.write(piece, pairs, half)


@pytest.mark.parametrize("half", [False, True])
def test_written_and_read(tmp_path, half, monkeypatch):
    monkeypatch.setattr(results, "GROUP_ROWS", 2)
    plan = make_input(tmp_path)
    output = results.Results(str(tmp_path / "out"))
    output.begin(OPTIONS.identity)
    counts = [write(output, piece, half) for piece in reversed(plan)]
    assert sum(count["rows"] for count in counts) == 30 and sum(count["errors"] for count in counts) == 1
    assert sum(count["tokens"] for count in counts) == 58
    table = pyarrow.dataset.dataset(tmp_path / "out", format="parquet").to_table()
    assert table["key"].to_pylist() == [f"k{number}" for number in range(30)]
    assert table["source"].to_pylist() == ["in.jsonl"] * 30 and table["position"].to_pylist() == sorted(table["position"].to_pylist())
    for number, row in enumerate(table.to_pylist()):
        if number == 7:
            assert row["vector"] is None and row["usage"] is None and row["error"] == {"code": 400, "status": "INVALID_ARGUMENT", "message": "is damaged"}
            continue
        vector = numpy.frombuffer(row["vector"], "<f2") if half else row["vector"]
        assert numpy.array(vector).tolist() == numpy.array([number, 0.1], "<f2" if half else "f4").tolist()
        assert row["error"] is None and row["usage"] == answer(0).usage


def test_nothing_is_left_of_a_slice_that_fails(tmp_path):
    plan = make_input(tmp_path)
    output = results.Results(str(tmp_path / "out"))

    def failing():
        yield next(iter(rows.read(plan[0], OPTIONS))), answer(0)
        raise process.ProcessEnded("ended")

    with pytest.raises(process.ProcessEnded):
        output.write(plan[0], failing(), False)
    assert output.done() == {} and not list((tmp_path / "out/_temporary").iterdir())


def test_what_is_done_is_not_done_again(tmp_path):
    plan = make_input(tmp_path)
    output = results.Results(str(tmp_path / "out"))
    output.begin(OPTIONS.identity)
    for piece in plan[::2]:
        write(output, piece)
    output.begin(OPTIONS.identity)
    assert output.missing(plan) == plan[1::2]
    for piece in plan[1::2]:
        write(output, piece)
    assert output.missing(plan) == []
    assert [piece.identity for piece in output.missing(plan, retry_failed=True)] == [
        piece.identity for piece in plan if any(row.key == "k7" for row in rows.read(piece, OPTIONS))]


def test_input_that_changed(tmp_path):
    plan = make_input(tmp_path)
    output = results.Results(str(tmp_path / "out"))
    for piece in plan:
        write(output, piece)
    # Another file before it: all keep their results, under names that have its place.
    (tmp_path / "first.jsonl").write_text('{"key": "k99", "text": "x"}\n')
    (tmp_path / "out").rename(tmp_path / "_out")
    output = results.Results(str(tmp_path / "_out"))
    more = slices.plan(str(tmp_path), slice_bytes=100)
    assert output.missing(more) == more[:1]
    write(output, more[0])
    assert pyarrow.dataset.dataset(tmp_path / "_out", format="parquet", ignore_prefixes=["_castor", "."]).to_table().num_rows == 31
    assert sorted(output.done().values()) == [piece.file_name for piece in more]
    # The file itself: nothing of it is kept, and nothing removed unasked.
    with open(tmp_path / "in.jsonl", "a") as file:
        file.write('{"key": "k31", "text": "x"}\n')
    changed = slices.plan(str(tmp_path), slice_bytes=100)
    with pytest.raises(results.OtherResults, match="--replace"):
        output.missing(changed)
    assert output.missing(changed, replace=True) == changed[1:]
    assert list(output.done().values()) == [changed[0].file_name]
