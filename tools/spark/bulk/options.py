"""What is asked for, and what a vector depends on beside its request."""

import argparse
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import subprocess
import uuid

# What a file of a model is known by where it is larger.
HASHED_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class Options:
    castor: str = "castor"
    model: str | None = None
    threads: int = 1
    dimensions: int | None = None
    task: str | None = None
    apply_task_prompts: bool = False
    audio_track: bool = False
    half: bool = False
    key_column: str = "key"
    text_column: str = "text"
    data_column: str = "data"
    stall_seconds: int = 300
    slice_bytes: int = 4 << 20
    slice_files: int = 256
    # Of the model, as the first that looked found it. A worker that has another one must not take part.
    model_identity: str | None = None
    # The name of this run.
    run: str = ""

    def here(self):
        """Paths of this worker's folder are whole, for castor is started in another one."""
        return dataclasses.replace(
            self, castor=os.path.abspath(self.castor) if "/" in self.castor else self.castor,
            model=os.path.abspath(self.model) if self.model else None)

    @property
    def command(self):
        """The filter: batch lines in, batch lines out."""
        model = ["--model", self.model] if self.model else []
        dimensions = ["--dimensions", str(self.dimensions)] if self.dimensions else []
        task = ["--task", self.task] if self.task else []
        flags = [flag for flag, isOn in (("--apply-task-prompts", self.apply_task_prompts), ("--audio-track", self.audio_track)) if isOn]
        return [self.castor, "embed", "--batch", "-", "--threads", str(self.threads), *model, *dimensions, *task, *flags]

    @property
    def identity(self):
        """What results must have in common to lie in one folder."""
        return {
            "model": self.model_identity, "dimensions": self.dimensions, "task": self.task, "applyTaskPrompts": self.apply_task_prompts,
            "audioTrack": self.audio_track, "vector": "f16" if self.half else "f32",
            "columns": [self.key_column, self.text_column, self.data_column], "sliceBytes": self.slice_bytes, "sliceFiles": self.slice_files}

    def with_model_identity(self):
        here = self.here()
        return dataclasses.replace(self, model_identity=model_identity(here.castor, here.model), run=uuid.uuid4().hex[:8])


class NoCastor(Exception):
    """There is no castor here, or none that has the model."""


@functools.lru_cache
def model_identity(castor, model):
    """A hash of the model's folder: names and sizes of its files, small files whole, the beginning of large ones. Its name goes before."""
    command = [castor, "info", "--json", *(["--model", model] if model else [])]
    try:
        info = json.loads(subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout)
        folder, name = pathlib.Path(info["model"]["path"]), info["model"]["name"]
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.decode(errors="replace").split()).removeprefix("castor: ")
        raise NoCastor(said or f"{castor} info ended with status {error.returncode}") from None
    except OSError as error:
        raise NoCastor(f"{castor}: {error.strerror}; --castor says where it is") from None
    except (ValueError, TypeError, KeyError):
        raise NoCastor(f"{castor} is no castor, or an old one: it does not say what its model is") from None
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file() and path.suffix != ".md"):
        digest.update(f"{file.name} {file.stat().st_size}\n".encode())
        with open(file, "rb") as stream:
            digest.update(stream.read(HASHED_BYTES))
    return f"{name} {digest.hexdigest()[:16]}"


def whole(least, most=None):
    """A type of argparse: a whole number in a range."""
    def number(text):
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or value < least or most is not None and value > most:
            raise argparse.ArgumentTypeError(f"must be a whole number, {least} {f'to {most}' if most else 'or more'}, not {text!r}")
        return value
    return number


def parser(description):
    """The options that Spark, Ray and Slurm have in common."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", help="JSONL (also .gz), Parquet, or a folder: of such files, or of files to embed. A path, or a URI as s3://..")
    parser.add_argument("output", help="a folder of Parquet files, a path or a URI; what is there already is not computed again")
    parser.add_argument("--kind", choices=("jsonl", "parquet", "files"), help="what INPUT is; by its names where not given")
    parser.add_argument("--castor", default="castor", metavar="PROGRAM", help="at the workers; default: castor on their PATH")
    parser.add_argument("--model", metavar="DIR", help="at the workers; default: as castor's own")
    parser.add_argument("--threads", type=whole(1, 1024), default=1, metavar="N", help="of one castor, and the cores that a task takes (1)")
    parser.add_argument("--dimensions", type=whole(1), metavar="N", help="values of a vector whose request does not say")
    parser.add_argument("--task", metavar="NAME", help="task type of all rows, as castor embed's --task")
    parser.add_argument("--apply-task-prompts", action="store_true", help="let each request's taskType choose a prompt")
    parser.add_argument("--audio-track", action="store_true", help="embed the sound of videos, too")
    parser.add_argument("--half", action="store_true", help="vectors as bytes, two a value (f16, little endian), instead of lists of f32")
    parser.add_argument("--key-column", default="key", metavar="NAME", help="of JSONL and Parquet (key)")
    parser.add_argument("--text-column", default="text", metavar="NAME", help="a text, where a row has no request (text)")
    parser.add_argument("--data-column", default="data", metavar="NAME", help="of Parquet: the bytes of a file, where a row has neither (data)")
    parser.add_argument("--slice-bytes", type=whole(1), default=4 << 20, metavar="N", help="of JSONL: what one task takes (4 MiB)")
    parser.add_argument("--slice-files", type=whole(1), default=256, metavar="N", help="of a folder of files: what one task takes, about (256)")
    parser.add_argument("--stall-seconds", type=whole(1), default=300, metavar="N", help="without an answer and without work: castor is started anew (300)")
    parser.add_argument("--retry-failed", action="store_true", help="compute slices anew that have rows with errors")
    parser.add_argument("--replace", action="store_true", help="remove results of slices that the input has no more")
    return parser


def from_arguments(arguments):
    """A path that is there is whole from here on; another may be one of a worker's folder, as an archive that Spark unpacks there."""
    fields = {field.name for field in dataclasses.fields(Options)}
    values = {name: value for name, value in vars(arguments).items() if name in fields}
    for name in ("castor", "model"):
        if values[name] and "/" in values[name] and os.path.exists(values[name]):
            values[name] = os.path.abspath(values[name])
    return Options(**values)
