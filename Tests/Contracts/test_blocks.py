"""Every block of code in README.md, docs/, recipes/ and the library's documentation: run, type-checked, parsed, or named in blocks.toml.

A block's kind follows from what it is (`kind`); one of no kind fails until it has one or is named with a reason, and so does a name that no block has.
Commands that are not run are at least held to the program's own options, to the Makefile and to the files that are there.
"""

import collections
import json
import re
import shlex
import subprocess
import sys
import tomllib

import pytest

from conftest import HERE, NANO, PROGRAM, ROOT

sys.path.insert(0, str(ROOT / "tools/docs"))
import markdown  # noqa: E402
import transcript  # noqa: E402

BLOCKS = markdown.all_blocks()
LISTED = tomllib.loads((HERE / "blocks.toml").read_text())
# Kinds that are run, a page in one shell.
RUN = ("transcript", "script", "commands", "python")
COMMANDS = r"castor|\.build/release/castor|make|python3?|pip|tools/|VENV/|apt-get|cp|curl|docker|haproxy|kill|spark-submit|swift|systemctl|tar|Fuzzing/|[A-Z_]+=\S* "


def is_json(text):
    try:
        json.loads(text)
        return True
    except ValueError:
        return False


def kind(block):
    lines = [line for line in block.lines if line.strip()]
    if any(line.startswith("$ ") for line in lines):
        return "transcript"
    if block.language:
        return {"sh": "script"}.get(block.language, block.language)
    # A member of an object is JSON, too.
    if is_json(block.text) or is_json(f"{{{block.text}}}") or all(map(is_json, lines)):
        return "json"
    if re.match(COMMANDS, lines[0]):
        return "commands"
    return "text"


def entry(block, lists=("left", "elsewhere")):
    """How the list names it, if it does: [(which list, entry)]."""
    return [(name, item) for name in lists for item in LISTED.get(name, []) if matches(item, block)]


def matches(item, block):
    return block.page == item["page"] and kind(block) == item.get("kind", kind(block)) and block.text.startswith(item.get("starts", ""))


def of(*kinds):
    """Blocks of these kinds that are not in the list."""
    return [block for block in BLOCKS if kind(block) in kinds and not entry(block)]


def named(blocks):
    return {"argvalues": blocks, "ids": [block.name for block in blocks]}


def test_every_block_is_run_or_named():
    """What is of no kind that is run, type-checked or parsed is in the list."""
    for block in BLOCKS:
        found = entry(block)
        assert len(found) <= 1, f"{block.name} is named twice in blocks.toml"
        assert found or kind(block) in (*RUN, "swift", "json"), (
            f"{block.name} ({kind(block)}) is neither run nor named in Tests/Contracts/blocks.toml:\n{block.text}")
    counts = collections.Counter(entry(block)[0][0] if entry(block) else kind(block) for block in BLOCKS)
    print("blocks:", ", ".join(f"{number} {name}" for name, number in sorted(counts.items())))


def test_the_list_names_what_is_there():
    for name in ("left", "elsewhere", "given"):
        for item in LISTED.get(name, []):
            found = [block.name for block in BLOCKS if matches(item, block)]
            assert len(found) == item.get("blocks", 1), f"blocks.toml, {name}: {item} names {found}"
    for item in LISTED["left"]:
        assert item["why"]
    for item in LISTED["elsewhere"]:
        # The test reads the page, or its rows are the block's.
        test = ROOT / item["test"]
        assert test.exists() and item["page"].rpartition("/")[2] in test.read_text(), item


def test_transcripts_are_compared():
    """What is let pass, and what is not."""
    good = [
        ("0.51 car.png", "0.53 car.png"), ("0.512", "0.5"), ("12.5 % of 30", "25.0 % of 30"), ("Mix them with su…", "Mix them with sugar and"),
        ('{"a":1,...,"score":0.5}', '{"a":1,"b":2,"score":0.52}'), ("at 2026-11-30T08:43:33.598Z", "at 2027-01-01T00:00:00.000Z")]
    bad = [
        ("0.51 car.png", "0.57 car.png"), ("0.51 car.png", "0.51 dog.jpg"), ("13 new", "12 new"), ("12.5 %", "62.5 %"), ("a", "a b"), ("a b", "a"),
        ('{"a":1,...,"score":0.5}', '{"a":2,"b":2,"score":0.5}'), ("part 2: no such file", "part 2: No such file"), ("0.5", "x")]
    assert [pair for pair in good if not transcript.same(*pair)] == [] == [pair for pair in bad if transcript.same(*pair)]
    assert transcript.differences(["a", "...", "c"], ["a", "b", "b", "c"]) == [] == transcript.differences(["a", "..."], ["a", "b"])
    for shown, printed in [(["a"], ["a", "b"]), (["a", "b"], ["a"]), (["a", "...", "d"], ["a", "b"]), ([], ["a"])]:
        assert transcript.differences(shown, printed)
    assert transcript.renewed('"values":[0.1,0.2],"x":...', '"values":[0.7,-0.2],"x":12') == '"values":[0.7,-0.2],"x":...'
    assert transcript.renewed("0.5 car.png", "0.5 dog.jpg") == "0.5 dog.jpg"


# JSON and Python.


@pytest.mark.parametrize("block", **named(of("json")))
def test_json_is_read(block):
    assert kind(block) == "json" and (block.language != "json" or is_json(block.text)), block.text


def test_the_configuration_is_that_of_castor_nano():
    (block,) = [block for block in BLOCKS if block.page == "docs/model.md" and block.language == "json"]
    assert json.loads(block.text) == json.loads((NANO / "config.json").read_text())


def test_python_compiles():
    for block in BLOCKS:
        if kind(block) == "python":
            compile(block.text, block.name, "exec")


# Swift.


def given(block):
    return "".join(item["text"] for item in LISTED["given"] if matches(item, block))


def test_swift_is_type_checked(tmp_path):
    blocks = of("swift")
    manifests = [block for block in blocks if "import PackageDescription" in block.text]
    sources = []
    for number, block in enumerate(block for block in blocks if block not in manifests):
        imports = "".join(re.findall(r"^import .*\n", block.text, re.MULTILINE)) or "import Castor\n"
        body = re.sub(r"^import .*$", "", block.text, flags=re.MULTILINE)
        sources.append(tmp_path / f"Block{number}.swift")
        sources[-1].write_text(
            f'{imports}func block{number}() throws {{\n{given(block)}#sourceLocation(file: "{block.page}", line: {block.line})\n{body}'
            "#sourceLocation()\n}\n")
    # Of the C modules below; they are in the sources, or written by the build.
    maps = [*ROOT.glob("Sources/System/*/module.modulemap"), *ROOT.glob("Sources/**/include/module.modulemap"), *ROOT.glob(".build/release/C*.build/module.modulemap")]
    check(["-I", ROOT / ".build/release/Modules", *(word for path in maps for word in ("-Xcc", f"-fmodule-map-file={path}")), *sources])
    swift = subprocess.run(["swiftc", "-print-target-info"], capture_output=True, text=True, check=True).stdout
    runtime = json.loads(swift)["paths"]["runtimeResourcePath"]
    for block in manifests:
        (tmp_path / "Package.swift").write_text(block.text)
        check(["-I", f"{runtime}/pm/ManifestAPI", "-package-description-version", "6.1.0", tmp_path / "Package.swift"])


def check(arguments):
    run = subprocess.run(["swiftc", "-typecheck", "-swift-version", "6", *arguments], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    # Names that a reader goes on with are unused here.
    warnings = [line for line in run.stderr.splitlines() if " warning: " in line and "never used" not in line and "never mutated" not in line]
    assert not warnings, run.stderr


# Commands that are not run.


@pytest.fixture(scope="session")
def options():
    """{subcommand: its options}"""
    def shown(*words):
        return subprocess.run([PROGRAM, *words, "--help-hidden"], capture_output=True, text=True, check=True).stdout
    subcommands = re.findall(r"^  ([\w-]+)(?: \(default\))?(?:  |$)", shown().partition("SUBCOMMANDS:")[2], re.MULTILINE)
    found = {}
    for name in set(subcommands) - {"help"}:
        text = shown(name)
        deeper = re.findall(r"^  ([\w-]+)(?:  |$)", text.partition("SUBCOMMANDS:")[2], re.MULTILINE)
        for other in set(deeper) - {"help"}:
            text += shown(name, other)
        found[name] = set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", text))
    return found


def commands(block):
    """Each as its words, without comments; what stands after two spaces and more is explained, not given."""
    text = re.sub(r"\\\n\s*", " ", block.text)
    for line in text.splitlines():
        line = line.removeprefix("$ ")
        for part in re.split(r"\s(?:&&|;|\|)\s", re.sub(r"\s+#.*$|\s{4,}\S.*$", "", line)):
            try:
                words = shlex.split(part)
            except ValueError:
                continue
            while words and re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)
            if words:
                yield words


@pytest.mark.parametrize("block", **named([block for block in BLOCKS if kind(block) == "commands" or kind(block) == "transcript" and entry(block)]))
def test_commands_name_what_there_is(block, options):
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for words in commands(block):
        program = words[0]
        if program in ("castor", ".build/release/castor"):
            subcommand = words[1]
            assert subcommand in options, f"{block.name}: no subcommand {subcommand}"
            for word in words[2:]:
                word = word.strip("[].")
                if re.match(r"--?[a-zA-Z]", word):
                    assert word.partition("=")[0] in options[subcommand], f"{block.name}: castor {subcommand} has no {word}"
        elif program == "make":
            target = [word for word in words[1:] if "=" not in word]
            assert all(word in targets for word in target), f"{block.name}: no target {target}"
        else:
            for word in words:
                if re.match(r"(tools|recipes|deploy|Tests|weights)/", word) and not any(letter in word for letter in "*{"):
                    assert (ROOT / word).exists(), f"{block.name}: no file {word}"


# Shell.


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """What make demo makes."""
    folder = tmp_path_factory.mktemp("media") / "demo"
    subprocess.run([ROOT / "tools/demo/media", folder], check=True, capture_output=True)
    return folder


PAGES = list(dict.fromkeys(block.page for block in of(*RUN)))


@pytest.mark.parametrize("page", PAGES)
def test_shell_does_what_is_shown(page, media, tmp_path):
    session = transcript.Session(tmp_path, media)
    played = transcript.Played(session)
    wrong = []
    try:
        for block in of(*RUN):
            if block.page != page:
                continue
            session.prepare(given(block))
            if kind(block) == "transcript":
                wrong += [(block.name, step.command, *lines) for step, _, lines in played.play(block) if lines]
            elif lines := played.script(block):
                wrong.append((block.name, *lines))
        wrong += [(page, step.command, *lines) for step, _, lines in played.finish() if lines]
    finally:
        session.end()
    assert not wrong, f"tools/docs/renew {page} writes what is printed now, where that is right:\n" + "\n".join("\n".join(lines) for lines in wrong)
