"""What `make install` puts where, and `make uninstall` takes away."""

import json
import os
import shutil
import subprocess

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
    make("uninstall", tmp_path)
    assert files(tmp_path) == []


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
