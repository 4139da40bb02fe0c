"""What `make install` puts where, and `make uninstall` takes away."""

import json
import os
import shutil
import subprocess

import pytest

from conftest import NANO, PROGRAM, ROOT, SMALL


def make(target, folder):
    # The tests have built the program; nothing is built here.
    subprocess.run(["make", "-o", "build", target, f"DESTDIR={folder}", "PREFIX=/usr"], cwd=ROOT, check=True, capture_output=True)


def files(folder):
    return sorted(os.path.join(at, name)[len(str(folder)) :] for at, _, names in os.walk(folder) for name in names)


def test_installed_and_gone(tmp_path):
    make("install", tmp_path)
    pages = sorted(os.listdir(tmp_path / "usr/share/man/man1"))
    assert {"castor.1", "castor-embed.1", "castor-map-fit.1"} <= set(pages)
    assert files(tmp_path) == [
        "/usr/bin/castor", "/usr/share/bash-completion/completions/castor",
        *(f"/usr/share/castor/castor-small/{name}" for name in ("README.md", "config.json", "model.safetensors", "tokenizer.model")),
        "/usr/share/fish/vendor_completions.d/castor.fish", *(f"/usr/share/man/man1/{name}" for name in pages), "/usr/share/zsh/site-functions/_castor",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "CASTOR_MODEL"}
    embed = [tmp_path / "usr/bin/castor", "embed", "hello", "--dimensions", "3"]
    answer = subprocess.run(embed, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert len(json.loads(answer)["embedding"]["values"]) == 3
    script = 'source "$1"; complete -p castor; COMP_WORDS=(castor ""); COMP_CWORD=1; COMP_LINE="castor "; COMP_POINT=7; _castor; echo "${COMPREPLY[@]}"'
    completion = tmp_path / "usr/share/bash-completion/completions/castor"
    offered = subprocess.run(["bash", "-c", script, "bash", completion], capture_output=True, text=True)
    assert {"embed", "search", "train"} <= set(offered.stdout.split()), offered
    # What bash offers behind an option that takes a path.
    script = 'source "$1"; COMP_WORDS=(castor embed --batch fo); COMP_CWORD=3; _castor castor fo --batch; echo "${COMPREPLY[@]}"'
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/found.jsonl").touch()
    offered = subprocess.run(["bash", "-c", script, "bash", completion], cwd=tmp_path / "folder", capture_output=True, text=True)
    assert offered.stdout.split() == ["found.jsonl"], offered
    shutil.rmtree(tmp_path / "folder")
    # Of others with such names nothing goes.
    foreign = ["usr/share/castor/castor-small/mine.txt", "usr/share/man/man1/castor-oil.1"]
    for name in foreign:
        (tmp_path / name).write_text(".TH CASTOR-OIL 1 2026-01-01 oil\n")
    make("uninstall", tmp_path)
    assert files(tmp_path) == [f"/{name}" for name in foreign]


@pytest.mark.parametrize("name", ["my folder", "ends ", "it's", "a;b", "$HOME", "a*"])
@pytest.mark.parametrize("target", ["install", "uninstall"])
def test_places_that_make_cannot_hold_are_refused(tmp_path, name, target):
    kept = tmp_path / "my/bin/castor"
    kept.parent.mkdir(parents=True)
    kept.touch()
    for variables in ([f"PREFIX={tmp_path}/{name.replace('$', '$$')}"], [f"DESTDIR={tmp_path}/{name.replace('$', '$$')}", "PREFIX=/usr"]):
        said = subprocess.run(["make", "-o", "build", target, *variables], cwd=ROOT, capture_output=True, text=True)
        assert said.returncode == 2 and "PREFIX and DESTDIR take no spaces" in said.stderr, said
    assert files(tmp_path) == ["/my/bin/castor"]


def test_model_beside_the_program(tmp_path):
    """As a folder of its own or in share/castor, wherever both are moved; CASTOR_MODEL goes before."""
    environment = {name: value for name, value in os.environ.items() if name != "CASTOR_MODEL"}
    embed = [tmp_path / "here/castor", "embed", "hello", "--dimensions", "3"]

    def run(**more):
        return subprocess.run(embed, env={**environment, **more}, cwd=tmp_path, capture_output=True, text=True)

    (tmp_path / "here").mkdir()
    shutil.copy(PROGRAM, tmp_path / "here/castor")
    none = run()
    assert none.returncode == 66 and "castor-model-small" in none.stderr
    (tmp_path / "here/castor-small").symlink_to(SMALL)
    beside = run()
    assert len(json.loads(beside.stdout)["embedding"]["values"]) == 3
    assert run(CASTOR_MODEL=str(NANO)).stdout != beside.stdout
