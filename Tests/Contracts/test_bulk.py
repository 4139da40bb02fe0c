"""The filter of bulk embedding (tools/spark): whatever becomes of the process, each row has one answer, in order, or the slice fails."""

import collections
import json
import subprocess
import sys

import numpy
import pytest

from conftest import HERE, NANO, PROGRAM, ROOT

sys.path.insert(0, str(ROOT / "tools/spark"))
from bulk import process  # noqa: E402

Row = collections.namedtuple("Row", "key request problem", defaults=[None])
# What a vector may differ by when it is batched otherwise.
SAME = 2e-6


def text_request(text):
    return json.dumps({"content": {"parts": [{"text": text}]}}).encode()


def rows(count):
    """Each of another length, so that an answer tells whose it is."""
    return [Row(f"row {number}", text_request("a" * (number + 1))) for number in range(count)]


class Filter:
    """filter.py with behaviours."""

    def __init__(self, folder, *behaviours):
        self.starts_file = folder / "starts"
        self.command = [sys.executable, str(HERE / "filter.py"), str(self.starts_file), *behaviours]
        self.notes = []

    def answers(self, rows, **options):
        return list(process.answers(self.command, None, rows, note=self.notes.append, **{"stall_seconds": 20, **options}))

    @property
    def starts(self):
        return self.starts_file.stat().st_size


def expect_all(pairs, rows):
    assert [row for row, _ in pairs] == rows
    for index, (row, answer) in enumerate(pairs):
        assert answer.error is None and answer.vector.tolist() == [index + 1, 0.5], row.key


def test_answers_in_order(tmp_path):
    # More than may be under way together.
    many = rows(3 * process.WINDOW_ROWS + 1)
    one = Filter(tmp_path, "well")
    expect_all(one.answers(many), many)
    assert one.starts == 1 and one.notes == []


def test_no_rows(tmp_path):
    assert Filter(tmp_path, "well").answers([]) == []


@pytest.mark.parametrize("behaviour", ["dies", "ends", "half", "garbage", "other-key", "no-number", "stalls"])
@pytest.mark.parametrize("place", [0, 19])
def test_started_once_more(tmp_path, behaviour, place):
    one = Filter(tmp_path, f"{behaviour}:{place}", "well")
    expect_all(one.answers(rows(20), stall_seconds=2 if behaviour == "stalls" else 20), rows(20))
    assert one.starts == 2
    assert len(one.notes) == 1 and f"{20 - place} rows had no answer" in one.notes[0]


@pytest.mark.parametrize("behaviour", ["dies", "ends", "half", "garbage", "other-key", "no-number", "stalls"])
def test_ended_twice(tmp_path, behaviour):
    one = Filter(tmp_path, f"{behaviour}:3", f"{behaviour}:2", "well")
    got = []
    with pytest.raises(process.ProcessEnded) as ended:
        for pair in process.answers(one.command, None, rows(20), 2 if behaviour == "stalls" else 20, note=one.notes.append):
            got.append(pair)
    # What it answered before stands; no row is answered twice.
    expect_all(got, rows(20)[:5])
    assert one.starts == 2 and ("stood still" if behaviour == "stalls" else "row 5") in str(ended.value)


def test_more_than_was_asked(tmp_path):
    one = Filter(tmp_path, "one-more")
    with pytest.raises(process.ProcessEnded, match="more than it was asked"):
        one.answers(rows(3))
    assert one.starts == 2


def test_not_there():
    with pytest.raises(process.ProcessEnded, match="No such file") as ended:
        list(process.answers(["/no/such/castor"], None, rows(3)))
    assert ended.value.status in process.HOPELESS


def test_problems_keep_their_place(tmp_path):
    many = [Row("bad 0", None, "is damaged"), *rows(2), Row("bad 1", None, "is damaged"), *rows(4)[2:], Row("bad 2", None, "is damaged")]
    pairs = Filter(tmp_path, "dies:1", "well").answers(many)
    assert [row for row, _ in pairs] == many
    assert [answer.error and answer.error["message"] for _, answer in pairs] == [
        "is damaged", None, None, "is damaged", None, None, "is damaged"]
    assert [answer.vector[0] for _, answer in pairs if answer.error is None] == [1, 2, 3, 4]


def test_only_problems(tmp_path):
    many = [Row(str(number), None, "is damaged") for number in range(2 * process.WINDOW_ROWS)]
    assert [row for row, _ in Filter(tmp_path, "well").answers(many)] == many


@pytest.mark.parametrize("count", [1, 2, 255])
def test_few_rows_among_problems(count):
    """castor waits for 256 lines: rows that it never sees must not count as sent."""
    bad = [Row(f"bad {number}", None, "is damaged") for number in range(2 * process.WINDOW_ROWS)]
    many = [*rows(count), *bad, *rows(count), *bad]
    command = [str(PROGRAM), "embed", "--batch", "-", "--model", str(NANO), "--dimensions", "8", "--threads", "1"]
    pairs = list(process.answers(command, None, many, stall_seconds=20))
    assert [row for row, _ in pairs] == many
    assert all((answer.error is None) == (row.problem is None) for row, answer in pairs)


def test_given_up_alone(tmp_path):
    many = rows(10)
    many[4] = Row("poison", text_request("poison"))
    one = Filter(tmp_path, "dies-of:poison")
    with pytest.raises(process.ProcessEnded):
        one.answers(many)
    # When nobody tries again, it alone fails.
    pairs = one.answers(many, tries_alone=True)
    assert [row for row, _ in pairs] == many
    assert [row.key for row, answer in pairs if answer.error] == ["poison"]
    assert pairs[4][1].error["code"] == 500 and pairs[9][1].vector[0] == 10


def test_all_given_up(tmp_path):
    one = Filter(tmp_path, "dies:0")
    with pytest.raises(process.ProcessEnded, match="in a row"):
        one.answers(rows(100), tries_alone=True)


def test_refusal_is_nobodys_fault(tmp_path):
    one = Filter(tmp_path, "refuses:69")
    with pytest.raises(process.ProcessEnded, match="status 69"):
        one.answers(rows(3), tries_alone=True)
    assert one.starts == 2


def test_as_one_process(tmp_path):
    """castor itself: the same vectors as by its own batch, and its own words on what is damaged."""
    many = rows(600)
    many[300] = Row("empty", text_request(""))
    file = tmp_path / "batch.jsonl"
    file.write_bytes(b"".join(b'{"key":"%b","request":%b}\n' % (row.key.encode(), row.request) for row in many))
    options = ["--model", str(NANO), "--dimensions", "16", "--threads", "1"]
    wanted = [json.loads(line) for line in subprocess.run(
        [PROGRAM, "embed", "--batch", file, *options], check=True, capture_output=True).stdout.splitlines()]
    pairs = list(process.answers([str(PROGRAM), "embed", "--batch", "-", *options], None, many))
    assert [row.key for row, _ in pairs] == [line["key"] for line in wanted]
    for (row, answer), line in zip(pairs, wanted):
        if row.key == "empty":
            assert answer.error == line["error"] and answer.vector is None
        else:
            assert numpy.abs(answer.vector - line["response"]["embedding"]["values"]).max() <= SAME
            assert answer.usage == line["response"]["usageMetadata"]
