"""Cuts an input into slices: what one task takes. The cuts depend on names and sizes alone, so that every run makes the same ones.

Nothing is read for it but lists of files and, of Parquet, footers.
"""

import dataclasses
import hashlib
import os
import zlib

import pyarrow
import pyarrow.fs
import pyarrow.parquet

# A slice of files may be so many times as long as is wanted.
LONGEST = 4


class BadInput(ValueError):
    """An input that cannot be cut, or that one must not guess about."""


@dataclasses.dataclass(frozen=True)
class Slice:
    """Some rows of an input, one after the other.

    `start` and `end` are bytes of a JSONL file, whose lines that begin between them are meant; groups of rows of a Parquet file, of which the
    first begins with row `position`; and of files, places in the sorted list of all.
    """
    kind: str
    root: str
    names: tuple
    start: int
    end: int
    position: int
    # Of all that decides its rows.
    identity: str
    index: int = 0

    @property
    def file_name(self):
        """In the order of the input; the identity makes it known again when there are more slices before it."""
        return f"part-{self.index:07}-{self.identity}.parquet"


def open_place(place):
    """The file system of a path or URI, and the path in it."""
    if "://" not in place:
        place = os.path.abspath(place)
    return pyarrow.fs.FileSystem.from_uri(place)


def is_local(place):
    return "://" not in place or place.startswith("file://")


def plan(place, kind=None, slice_bytes=4 << 20, slice_files=256, output=None):
    """All slices of an input, in its order. With `output`, it is seen that results will be no input of the next run."""
    system, path = open_place(place)
    info = system.get_file_info(path)
    if info.type == pyarrow.fs.FileType.NotFound:
        raise FileNotFoundError(f"{place}: no such file or folder")
    if info.type == pyarrow.fs.FileType.File:
        root, files = os.path.dirname(path), [info]
    else:
        root = path
        if output is not None:
            _keep_apart(place, output)
        found = system.get_file_info(_local_files(path) if is_local(place) else pyarrow.fs.FileSelector(path, recursive=True))
        files = [file for file in found if file.type == pyarrow.fs.FileType.File and not _is_hidden(file.path[len(path):])]
    files.sort(key=lambda file: file.path)
    kind = kind or _kind(place, files)
    if not is_local(place):
        # Names are looked up below the root's own URI.
        root_place = place if root == path else place.rsplit("/", 1)[0]
    else:
        root_place = root
    if kind == "jsonl":
        slices = [piece for file in files for piece in _jsonl(root, root_place, file, slice_bytes)]
    elif kind == "parquet":
        slices = [piece for file in files for piece in _parquet(system, root, root_place, file)]
    else:
        slices = list(_files(root, root_place, files, slice_files))
    return [dataclasses.replace(piece, index=index) for index, piece in enumerate(slices)]


def _keep_apart(place, output):
    folder, results = (os.path.realpath(open_place(one)[1]) if is_local(one) else one.rstrip("/") for one in (place, output))
    if f"{results}/".startswith(f"{folder}/") and not _is_hidden(results[len(folder):]):
        raise BadInput(f"{output} lies in {place}, and would be input of the next run: choose a folder elsewhere, or one whose name begins with _")


def _local_files(root):
    """All files below a folder, through links, too. A link to a folder that it lies in is not followed: its files would come again and again."""
    paths, folders = [], [(root, (os.path.realpath(root),))]
    for folder, above in folders:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_hidden(entry.name):
                    continue
                try:
                    entry.path.encode()
                except UnicodeEncodeError:
                    raise BadInput(f"{os.fsencode(entry.path)!r}: the name is not UTF-8; rename it, or begin it with _ or . to leave it out") from None
                if not entry.is_dir():
                    paths.append(entry.path)
                elif not entry.is_symlink():
                    folders.append((entry.path, (*above, os.path.realpath(entry.path))))
                elif (real := os.path.realpath(entry.path)) not in above:
                    folders.append((entry.path, (*above, real)))
    return paths


def _is_hidden(path):
    """As Spark has it: what begins with a dot or an underscore is no data."""
    return any(name.startswith((".", "_")) for name in path.split("/") if name)


def _kind(place, files):
    names = {"jsonl": (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"), "parquet": (".parquet",)}
    for kind, ends in names.items():
        count = sum(file.path.endswith(ends) for file in files)
        # Each file of rows would be embedded as one text.
        if 0 < count < len(files):
            raise BadInput(f"{place}: {count} of {len(files)} files end as {kind} does; say what is meant with --kind, or leave others out (_ or . before)")
        if count:
            return kind
    return "files"


def _name(root, file):
    return file.path[len(root):].lstrip("/")


def _identity(kind, root, files, start, end):
    lines = [f"{_name(root, file)}\0{file.size}\0{file.mtime_ns}" for file in files]
    return hashlib.sha256("\n".join([kind, f"{start} {end}", *lines]).encode(errors="surrogateescape")).hexdigest()[:16]


def _jsonl(root, place, file, slice_bytes):
    # What is compressed can be read from its beginning alone.
    step = max(1, file.size) if file.path.endswith(".gz") else slice_bytes
    for start in range(0, max(1, file.size), step):
        end = min(start + step, file.size)
        yield Slice("jsonl", place, (_name(root, file),), start, end, start, _identity("jsonl", root, [file], start, end))


def _parquet(system, root, place, file):
    try:
        with system.open_input_file(file.path) as stream:
            metadata = pyarrow.parquet.ParquetFile(stream).metadata
    except pyarrow.ArrowInvalid as error:
        raise BadInput(f"{_name(root, file)}: {str(error).splitlines()[0]}") from None
    position = 0
    for group in range(metadata.num_row_groups):
        yield Slice(
            "parquet", place, (_name(root, file),), group, group + 1, position, _identity("parquet", root, [file], group, group + 1))
        position += metadata.row_group(group).num_rows


def _files(root, place, files, slice_files):
    """A slice ends behind names whose checksum says so: a new file moves the ends of its own slice alone."""
    start = 0
    for index, file in enumerate(files, 1):
        ends = zlib.crc32(_name(root, file).encode(errors="surrogateescape")) % slice_files == 0
        if ends or index - start >= LONGEST * slice_files or index == len(files):
            chosen = files[start:index]
            # Where it stands in the list is not a part of what it is.
            yield Slice(
                "files", place, tuple(_name(root, file) for file in chosen), start, index, start, _identity("files", root, chosen, 0, 0))
            start = index
