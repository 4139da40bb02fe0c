"""Reads the rows of a slice: a key and a request each, or what is wrong with it."""

import base64
import io
import json
import os
import typing

import orjson
import pyarrow
import pyarrow.parquet

from . import slices
from .process import MAX_LINE_BYTES

# How what Arrow says begins where the data is at fault, and not the way to it.
DAMAGE = ("Truncated compressed stream", "zlib inflate failed")
# Rows of Parquet that are in memory together.
PARQUET_ROWS = 256


class Row(typing.NamedTuple):
    # The file below the input's root, and where the row begins: a byte of JSONL, a row of Parquet; of files their place in the list.
    source: str
    position: int
    key: str
    # A JSON object; None where there is a problem.
    request: bytes | None
    problem: str | None = None


def read(piece, options):
    """All rows of a slice, in order."""
    return {"jsonl": _jsonl, "parquet": _parquet, "files": _files}[piece.kind](piece, options)


def working_folder(piece):
    """Where castor looks up the files that requests name: beside the file of requests. None on a file system that it cannot see."""
    if not slices.is_local(piece.root):
        return None
    folder = slices.open_place(piece.root)[1]
    return os.path.dirname(os.path.join(folder, piece.names[0])) if piece.kind != "files" else folder


def _open(piece, is_compressed=False):
    system, root = slices.open_place(piece.root)
    path = f"{root.rstrip('/')}/{piece.names[0]}"
    return system.open_input_stream(path, compression="gzip") if is_compressed else system.open_input_file(path)


# MARK: JSONL

def _jsonl(piece, options):
    source = piece.names[0]
    is_compressed = source.endswith(".gz")
    # Where a compressed file is damaged, what is in the buffer is lost with the rest.
    with io.BufferedReader(_open(piece, is_compressed), 1 << 12 if is_compressed else 1 << 20) as stream:
        position = piece.start
        try:
            for position, line in _lines(stream, piece.start, None if is_compressed else piece.end):
                if len(line) > MAX_LINE_BYTES:
                    yield Row(source, position, f"{source}:{position}", None, f"the line is longer than {MAX_LINE_BYTES} bytes")
                elif line.strip():
                    yield _jsonl_row(source, position, line, options)
                position += len(line)
        except OSError as error:
            if not str(error).startswith(DAMAGE):
                raise OSError(f"{source}: {error}") from None
            # What could be read is kept, and the rest is one row: a file must not stop all others.
            yield Row(source, position, f"{source}:{position}", None, f"the file cannot be read from here on: {error}")


def _jsonl_row(source, position, line, options):
    name = f"{source}:{position}"
    try:
        value = orjson.loads(line.lstrip(b"\xef\xbb\xbf") if position == 0 else line)
    except orjson.JSONDecodeError as error:
        return Row(source, position, name, None, f"the line is not valid JSON: {error}")
    if not isinstance(value, dict):
        return Row(source, position, name, None, "the line is not a JSON object")
    key = value.get(options.key_column)
    if isinstance(key, float):
        key = _whole(line, options.key_column, key)
    key = _key(key, name)
    request, text = value.get("request"), value.get(options.text_column)
    if request is not None:
        try:
            return Row(source, position, key, orjson.dumps(request))
        except TypeError as error:
            return Row(source, position, key, None, f"the request is nested too deeply: {error}")
    if isinstance(text, str):
        return Row(source, position, key, _text_request(text))
    return Row(source, position, key, None, f"the line has neither a request nor a text in {options.text_column!r}")


def _whole(line, column, number):
    """A key as it is written: orjson makes a float of a whole number above 64 bits, the same one of many."""
    try:
        exact = json.loads(line.decode("utf-8-sig"))[column]
        return str(exact) if isinstance(exact, int) else number
    except (ValueError, RecursionError):
        return number


def _lines(stream, start, end):
    """Lines that begin at `start` or later and before `end`, where that is given, each with its place. One that is too long comes cut."""
    if start:
        # What begins just here has its predecessor's end before it.
        stream.seek(start - 1)
        start += _line(stream)[1] - 1
    while end is None or start < end:
        line, length = _line(stream)
        if not length:
            return
        yield start, line
        start += length


def _line(stream):
    """The next line, at most a byte longer than allowed, and its whole length."""
    line = stream.readline(MAX_LINE_BYTES + 1)
    length = len(line)
    piece = line
    while len(piece) and not piece.endswith(b"\n"):
        piece = stream.readline(1 << 20)
        length += len(piece)
    return line, length


# MARK: Parquet

def _parquet(piece, options):
    source = piece.names[0]
    with _open(piece) as stream:
        file = pyarrow.parquet.ParquetFile(stream)
        there = set(file.schema_arrow.names)
        wanted = [name for name in ("request", options.key_column, options.text_column, options.data_column) if name in there]
        if not there & {"request", options.text_column, options.data_column}:
            raise ValueError(f"{source} has none of the columns request, {options.text_column} and {options.data_column}")
        position = piece.position
        try:
            for batch in file.iter_batches(PARQUET_ROWS, row_groups=range(piece.start, piece.end), columns=wanted):
                for value in _values(batch):
                    yield _parquet_row(source, position, value, options)
                    position += 1
        except OSError as error:
            raise OSError(f"{source}, row {position} or later: {' '.join(str(error).split())}") from None


def _values(batch):
    """Rows as dictionaries. A value that Python has nothing for is text, with a sign in place of bytes that are none."""
    try:
        return batch.to_pylist()
    except ValueError:
        columns = [[_value(scalar) for scalar in column] for column in batch.columns]
        return [dict(zip(batch.schema.names, values)) for values in zip(*columns)]


def _value(scalar):
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return Undecodable(scalar.as_buffer().to_pybytes() if hasattr(scalar, "as_buffer") else b"")
    except ValueError:
        # Nanoseconds, dates before year 1.
        try:
            return str(scalar.cast(pyarrow.string()))
        except pyarrow.ArrowNotImplementedError:
            return str(scalar.value)


class Undecodable(bytes):
    """A string of Parquet that is not UTF-8."""


def _parquet_row(source, position, value, options):
    name = f"{source}:{position}"
    key = _key(value.get(options.key_column), name)
    request, text, data = value.get("request"), value.get(options.text_column), value.get(options.data_column)
    if request is not None:
        try:
            # One line whatever it was.
            return Row(source, position, key, orjson.dumps(orjson.loads(request)))
        except (orjson.JSONDecodeError, TypeError) as error:
            return Row(source, position, key, None, f"the request is not valid JSON: {error}")
    if isinstance(text, str):
        return Row(source, position, key, _text_request(text))
    if isinstance(text, Undecodable):
        return Row(source, position, key, None, f"{options.text_column!r} is not UTF-8")
    if isinstance(data, bytes) and not isinstance(data, Undecodable):
        return Row(source, position, key, _data_request(data))
    problem = "the row has neither a request nor a text nor data"
    for column, found, wanted in ((options.text_column, text, "a text"), (options.data_column, data, "bytes")):
        problem += f"; {column!r} is {type(found).__name__}, not {wanted}" if found is not None else ""
    return Row(source, position, key, None, problem)


# MARK: Files

def _files(piece, options):
    system, root = slices.open_place(piece.root)
    for position, name in enumerate(piece.names, piece.start):
        if slices.is_local(piece.root):
            # castor reads it itself.
            request = b'{"content":{"parts":[{"fileData":{"fileUri":%b}}]}}' % orjson.dumps(name)
        else:
            with system.open_input_stream(f"{root.rstrip('/')}/{name}") as stream:
                request = _data_request(stream.read())
        yield Row(name, position, name, request)


def _key(value, name):
    """A row without a key has its place's name."""
    if value is None:
        return name
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # What JSON has no form of, as a decimal number or a span of time; or lists in lists, 255 of them.
        return str(value)


def _text_request(text):
    return b'{"content":{"parts":[{"text":%b}]}}' % orjson.dumps(text)


def _data_request(data):
    return b'{"content":{"parts":[{"inlineData":{"data":"%b"}}]}}' % base64.b64encode(data)
