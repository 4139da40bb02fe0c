"""Inputs that are not as they should be: each row has its place, what is damaged is said, and one row or file does not stop all others."""

import decimal
import gzip
import json
import os

import pyarrow
import pyarrow.parquet
import pytest
from test_bulk_data import OPTIONS, process, read, rows, slices, text_of


def jsonl(folder, *lines):
    (folder / "a.jsonl").write_text("\n".join(lines) + "\n")
    return read(slices.plan(str(folder / "a.jsonl")))


# MARK: JSONL

def test_null_is_no_value(tmp_path):
    row, = jsonl(tmp_path, '{"key": null, "request": null, "text": "words"}')
    assert row.key == "a.jsonl:0" and text_of(row) == "words"


def test_large_numbers_stay_different_keys(tmp_path):
    numbers = ["123456789012345678901234567890", "123456789012345678901234567891", "18446744073709551615", "1.5"]
    assert [row.key for row in jsonl(tmp_path, *(f'{{"key": {number}, "text": "x"}}' for number in numbers))] == numbers


def test_deep_values(tmp_path):
    deep = "[" * 300 + "]" * 300
    first, second, last = jsonl(tmp_path, f'{{"key": "a", "request": {{"x": {deep}}}}}', f'{{"key": {deep}, "text": "x"}}', '{"key": "b", "text": "x"}')
    assert first.request is None and "too deeply" in first.problem
    assert second.key == deep and second.request and last.key == "b"


@pytest.mark.parametrize("damage", ["cut", "end", "tail", "plain"])
def test_compressed_file_that_is_damaged(tmp_path, damage):
    lines = b"".join(b'{"key": "k%d", "text": "number %d"}\n' % (number, number) for number in range(3000))
    whole = gzip.compress(lines)
    (tmp_path / "a.jsonl.gz").write_bytes({"cut": whole[:len(whole) // 2], "end": whole[:-4], "tail": whole + b"tail", "plain": lines}[damage])
    (tmp_path / "b.jsonl").write_text('{"key": "other", "text": "x"}\n')
    *got, last, other = read(slices.plan(str(tmp_path)))
    assert [row.key for row in got] == [f"k{number}" for number in range(len(got))] and all(row.request for row in got)
    assert "cannot be read from here on" in last.problem and last.position > (got[-1].position if got else -1) and other.key == "other"
    # What was in the buffer is lost.
    assert damage == "plain" or len(got) > (1000 if damage == "cut" else 2800)


def test_request_that_castor_would_not_read(monkeypatch):
    """Base64 makes a file longer: castor's answer would have no key of ours."""
    monkeypatch.setattr(process, "MAX_REQUEST_BYTES", 100)
    row = process._Flight([rows.Row("a", 0, "k", b"x" * 101)]).next()
    assert row.request is None and "longer than" in row.problem


# MARK: Parquet

def write(folder, **columns):
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "a.parquet")
    return read(slices.plan(str(folder)))


@pytest.mark.parametrize("keys, wanted", [
    (pyarrow.array([decimal.Decimal("1.50"), None]), "1.50"),
    (pyarrow.array([1, None], pyarrow.timestamp("ns")), "1970-01-01 00:00:00.000000001"),
    (pyarrow.array([1, None], pyarrow.duration("us")), "0:00:00.000001"),
    (pyarrow.array([[decimal.Decimal(2)], None]), "[Decimal('2')]")])
def test_keys_that_json_has_not(tmp_path, keys, wanted):
    assert [row.key for row in write(tmp_path, key=keys, text=["a", "b"])] == [wanted, "a.parquet:1"]


def test_strings_that_are_not_utf8(tmp_path):
    bad = pyarrow.Array.from_buffers(pyarrow.string(), 2, [None, pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), pyarrow.py_buffer(b"\xffb")])
    first, second = write(tmp_path, key=["a", "b"], text=bad)
    assert first.key == "a" and "not UTF-8" in first.problem and text_of(second) == "b"
    first, second = write(tmp_path, key=bad, text=["a", "b"])
    assert first.key == "\ufffd" and text_of(first) == "a" and second.key == "b"


def test_columns_of_other_types(tmp_path):
    assert "'text' is int, not a text" in write(tmp_path, text=[1])[0].problem
    assert "'data' is str, not bytes" in write(tmp_path, data=["a"])[0].problem


def test_parquet_that_is_damaged_is_named(tmp_path):
    write(tmp_path, text=["a"])
    path = tmp_path / "a.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 30 + whole[34:])
    with pytest.raises(OSError, match="a.parquet, row 0"):
        read(slices.plan(str(tmp_path)))
    for content in (b"", whole[:-10]):
        path.write_bytes(content)
        with pytest.raises(slices.BadInput, match="^a.parquet: "):
            slices.plan(str(tmp_path))


# MARK: Folders

def test_links_in_a_circle(tmp_path):
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/a.txt").write_text("a")
    (tmp_path / "in/sub/loop").symlink_to("..")
    (tmp_path / "in/sub/loop2").symlink_to(".")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/b.txt").write_text("b")
    (tmp_path / "in/link").symlink_to("../elsewhere")
    (tmp_path / "in/gone").symlink_to("nowhere")
    assert [row.key for row in read(slices.plan(str(tmp_path / "in")))] == ["a.txt", "link/b.txt"]


def test_name_that_is_not_utf8(tmp_path):
    with open(os.fsencode(tmp_path) + b"/bad\xff.txt", "w"):
        pass
    with pytest.raises(slices.BadInput, match="not UTF-8"):
        slices.plan(str(tmp_path))
    os.rename(os.fsencode(tmp_path) + b"/bad\xff.txt", os.fsencode(tmp_path) + b"/_bad\xff.txt")
    assert not slices.plan(str(tmp_path))


def test_mixed_folder_is_not_guessed_at(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x"}))
    (tmp_path / "README.txt").write_text("about")
    with pytest.raises(slices.BadInput, match="1 of 2 files end as jsonl does"):
        slices.plan(str(tmp_path))
    assert len(read(slices.plan(str(tmp_path), "files"))) == 2
    (tmp_path / "README.txt").rename(tmp_path / "_README.txt")
    assert len(read(slices.plan(str(tmp_path)), OPTIONS)) == 1


def test_results_are_no_input(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "x"}))
    for output in (tmp_path, tmp_path / "out", tmp_path / "sub/../out/more"):
        with pytest.raises(slices.BadInput, match="lies in"):
            slices.plan(str(tmp_path), output=str(output))
    for output in (tmp_path / "_out", tmp_path.parent / f"{tmp_path.name}-out", "s3://elsewhere/out"):
        assert len(slices.plan(str(tmp_path), output=str(output))) == 1
    # Beside one file results may be.
    assert len(slices.plan(str(tmp_path / "a.jsonl"), output=str(tmp_path / "out"))) == 1
