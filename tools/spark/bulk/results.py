"""The folder of results: a Parquet file a slice, each there whole or not at all, and what they were made with."""

import json
import re
import uuid

import numpy
import pyarrow
import pyarrow.fs
import pyarrow.parquet

from . import slices

# Written together, and in memory until then: 13 MB of vectors of 3,072 values.
GROUP_ROWS = 1024
MANIFEST = "_castor.json"
TEMPORARY = "_temporary"
NAME = re.compile(r"part-\d{7,}-([0-9a-f]{16})\.parquet")

_USAGE = pyarrow.struct([
    ("promptTokenCount", pyarrow.int64()),
    ("promptTokenDetails", pyarrow.list_(pyarrow.struct([("modality", pyarrow.string()), ("tokenCount", pyarrow.int64())])))])
_ERROR = pyarrow.struct([("code", pyarrow.int32()), ("status", pyarrow.string()), ("message", pyarrow.string())])


def schema(half):
    return pyarrow.schema([
        ("source", pyarrow.string()), ("position", pyarrow.int64()), ("key", pyarrow.string()),
        ("vector", pyarrow.binary() if half else pyarrow.list_(pyarrow.float32())), ("usage", _USAGE), ("error", _ERROR)])


class OtherResults(Exception):
    """The folder holds results that are none of this input with these options."""


class Results:
    """A folder of results, at a path or URI."""

    def __init__(self, place):
        self.place = place
        self.system, self.path = slices.open_place(place)

    def begin(self, identity):
        """Makes the folder, or sees that what is in it was made with the same."""
        self.system.create_dir(self.path, recursive=True)
        manifest = f"{self.path}/{MANIFEST}"
        if self.system.get_file_info(manifest).type == pyarrow.fs.FileType.NotFound:
            if self.done():
                raise OtherResults(f"{self.place} has results but no {MANIFEST}: choose another folder")
            temporary = self._temporary("manifest")
            with self.system.open_output_stream(temporary) as stream:
                stream.write(json.dumps(identity, indent=1).encode())
            self.system.move(temporary, manifest)
            return
        with self.system.open_input_stream(manifest) as stream:
            before = json.loads(stream.read())
        other = [f"{name} was {before.get(name)}, is {value}" for name, value in identity.items() if before.get(name) != value]
        if other:
            raise OtherResults(f"{self.place} was made with other options ({'; '.join(other)}): choose another folder, or remove it")

    def done(self):
        """The file of each slice that is done, by the slice's identity."""
        selector = pyarrow.fs.FileSelector(self.path, allow_not_found=True)
        found = (NAME.fullmatch(info.base_name) for info in self.system.get_file_info(selector))
        return {match[1]: match[0] for match in found if match}

    def missing(self, plan, replace=False, retry_failed=False):
        """Slices of a plan that are not done. Those that are get their place in the plan, and with `replace` those that are not in it go."""
        done = self.done()
        stale = set(done) - {piece.identity for piece in plan}
        if stale and not replace:
            raise OtherResults(
                f"{self.place} has {len(stale)} of {len(done)} files of slices that the input does not have, or has no more, as of a file "
                "that changed: --replace removes them")
        for identity in stale:
            self.system.delete_file(f"{self.path}/{done.pop(identity)}")
        for piece in plan:
            name = done.get(piece.identity)
            if name and retry_failed and self.counts(name)["errors"]:
                del done[piece.identity]
            elif name and name != piece.file_name:
                try:
                    self.system.move(f"{self.path}/{name}", f"{self.path}/{piece.file_name}")
                except FileNotFoundError:
                    # Another job of the same array has done so.
                    pass
        return [piece for piece in plan if piece.identity not in done]

    def counts(self, name):
        """Rows, and those of them with errors, of a file."""
        with self.system.open_input_file(f"{self.path}/{name}") as stream:
            return json.loads(pyarrow.parquet.read_metadata(stream).metadata[b"castor"])

    def write(self, piece, pairs, half):
        """The file of a slice, which appears with its last row. Whoever writes the same one meanwhile writes the same rows."""
        temporary = self._temporary(piece.identity)
        rows = errors = tokens = 0
        try:
            with self.system.open_output_stream(temporary) as stream:
                # Vectors do not become smaller by compression, nor by a dictionary.
                with pyarrow.parquet.ParquetWriter(
                        stream, schema(half), compression={"vector": "NONE"} if half else {"vector.list.element": "NONE"},
                        use_dictionary=["source", "usage.promptTokenDetails.list.element.modality", "error.status"],
                        write_statistics=["source", "position", "key"]) as writer:
                    for group in _groups(pairs):
                        rows += len(group)
                        errors += sum(answer.error is not None for _, answer in group)
                        tokens += sum(answer.usage["promptTokenCount"] for _, answer in group if answer.usage)
                        writer.write_table(table(group, half))
                    counts = {"rows": rows, "errors": errors, "tokens": tokens}
                    writer.add_key_value_metadata({"castor": json.dumps(counts)})
            self.system.move(temporary, f"{self.path}/{piece.file_name}")
        except BaseException:
            if self.system.get_file_info(temporary).type != pyarrow.fs.FileType.NotFound:
                self.system.delete_file(temporary)
            raise
        return counts

    def _temporary(self, name):
        self.system.create_dir(f"{self.path}/{TEMPORARY}", recursive=True)
        return f"{self.path}/{TEMPORARY}/{name}-{uuid.uuid4().hex}"

    def end(self):
        """Removes what killed tasks left."""
        self.system.delete_dir_contents(f"{self.path}/{TEMPORARY}", missing_dir_ok=True)


def _groups(pairs):
    group = []
    for pair in pairs:
        group.append(pair)
        if len(group) == GROUP_ROWS:
            yield group
            group = []
    if group:
        yield group


def table(group, half):
    rows, answers = zip(*group)
    columns = [[row.source for row in rows], [row.position for row in rows], [row.key for row in rows]]
    usages, problems = [answer.usage for answer in answers], [answer.error for answer in answers]
    fields = schema(half)
    arrays = [pyarrow.array(values, field.type) for values, field in zip(columns, fields)]
    arrays.append(_vectors([answer.vector for answer in answers], half))
    arrays += [pyarrow.array(usages, _USAGE), pyarrow.array(problems, _ERROR)]
    return pyarrow.Table.from_arrays(arrays, schema=fields)


def _vectors(vectors, half):
    if half:
        # Bytes of NumPy's arrays are the machine's; "<f2" is little endian everywhere.
        return pyarrow.array([None if vector is None else vector.astype("<f2").tobytes() for vector in vectors], pyarrow.binary())
    ends = numpy.cumsum([0] + [0 if vector is None else len(vector) for vector in vectors], dtype=numpy.int32)
    values = [vector for vector in vectors if vector is not None]
    return pyarrow.ListArray.from_arrays(
        pyarrow.array(ends), pyarrow.array(numpy.concatenate(values) if values else numpy.zeros(0, numpy.float32)),
        mask=pyarrow.array([vector is None for vector in vectors]))
