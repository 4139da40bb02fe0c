"""The folder of results: a Parquet file a slice, each there whole or not at all, and what they were made with."""

import json
import os
import re
import time
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
# A half written file that nobody wrote to for so long is of a run that was killed.
ABANDONED_SECONDS = 3600

_USAGE = pyarrow.struct([
    ("promptTokenCount", pyarrow.int64()),
    ("promptTokenDetails", pyarrow.list_(pyarrow.struct([("modality", pyarrow.string()), ("tokenCount", pyarrow.int64())])))])
_ERROR = pyarrow.struct([("code", pyarrow.int32()), ("status", pyarrow.string()), ("message", pyarrow.string())])


def schema(half):
    return pyarrow.schema([
        ("source", pyarrow.string()), ("position", pyarrow.int64()), ("key", pyarrow.string()),
        ("vector", pyarrow.binary() if half else pyarrow.list_(pyarrow.float32())), ("usage", _USAGE), ("error", _ERROR)])


# Options that decide what is one slice.
CUTS = {"sliceBytes", "sliceFiles"}


class OtherResults(Exception):
    """The folder holds results that are none of this input with these options."""


class Results:
    """A folder of results, at a path or URI.

    Several runs may work on one folder at once, as the jobs of an array do. `run` is this one's name.
    """

    def __init__(self, place, run=""):
        self.place, self.run = place, run
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
            self._publish(temporary, manifest)
        with self.system.open_input_stream(manifest) as stream:
            try:
                before = dict(json.loads(stream.read()))
            except (ValueError, TypeError):
                raise OtherResults(f"{manifest} is damaged: choose another folder, or remove it") from None
        # Cuts were not written down at first.
        other = [
            f"{name} was {before.get(name)}, is {value}" for name, value in identity.items()
            if before.get(name) != value and (name in before or name not in CUTS)]
        if other:
            raise OtherResults(f"{self.place} was made with other options ({'; '.join(other)}): choose another folder, or remove it")

    def _publish(self, temporary, manifest):
        """Of several runs that begin at once the first one's stands, where the file system has links. Elsewhere the last one's does."""
        if isinstance(self.system, pyarrow.fs.LocalFileSystem):
            try:
                os.link(temporary, manifest)
            except FileExistsError:
                pass
            except OSError:
                return self.system.move(temporary, manifest)
            return os.remove(temporary)
        self.system.move(temporary, manifest)

    def _files(self):
        """(identity, name) of each file of results, by name."""
        selector = pyarrow.fs.FileSelector(self.path, allow_not_found=True)
        found = (NAME.fullmatch(info.base_name) for info in self.system.get_file_info(selector))
        return sorted((match[1], match[0]) for match in found if match)

    def done(self):
        """The file of each slice that is done, by the slice's identity: the first, where two runs gave it different places."""
        return dict(reversed(self._files()))

    def missing(self, plan, replace=False, retry_failed=False):
        """Slices of a plan that are not done. Those that are get their place in the plan, and with `replace` those that are not in it go."""
        done = self.done()
        stale = set(done) - {piece.identity for piece in plan}
        if stale and not replace:
            raise OtherResults(
                f"{self.place} has {len(stale)} of {len(done)} files of slices that the input does not have, or has no more, as of a file "
                "that changed: --replace removes them")
        for identity, name in self._files():
            # The second of two files of a slice has the same rows.
            if identity in stale or name != done[identity]:
                self._unless_gone(self.system.delete_file, name)
        done = {identity: name for identity, name in done.items() if identity not in stale}
        for piece in plan:
            name = done.get(piece.identity)
            if name and name != piece.file_name:
                self._unless_gone(self.system.move, name, f"{self.path}/{piece.file_name}")
            # After the move: what is computed anew takes the old one's place.
            if name and retry_failed and self.counts(piece.file_name)["errors"]:
                del done[piece.identity]
        return [piece for piece in plan if piece.identity not in done]

    def _unless_gone(self, action, name, *more):
        try:
            action(f"{self.path}/{name}", *more)
        except FileNotFoundError:
            # Another job of the same array has done so.
            pass

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
        return f"{self.path}/{TEMPORARY}/{name}-{self.run}-{uuid.uuid4().hex}"

    def end(self, plan):
        """Removes what killed tasks left, and sees that the folder holds each slice of the plan once, and nothing else."""
        selector = pyarrow.fs.FileSelector(f"{self.path}/{TEMPORARY}", allow_not_found=True)
        for info in self.system.get_file_info(selector):
            # Another run may be writing.
            if f"-{self.run}-" in info.base_name or not info.mtime_ns or time.time() - info.mtime_ns / 1e9 > ABANDONED_SECONDS:
                self._unless_gone(self.system.delete_file, f"{TEMPORARY}/{info.base_name}")
        there, wanted = {name for _, name in self._files()}, {piece.file_name for piece in plan}
        if there != wanted:
            raise OtherResults(
                f"another run worked on {self.place} with another input or other cuts: {len(wanted - there)} files of results are not there, "
                f"{len(there - wanted)} are not of this run. Run once more when none is at work; --replace removes what does not belong")


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
