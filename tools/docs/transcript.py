"""Commands as a page shows them, `$ castor ...` with what is printed, run one after the other in one shell, and compared.

Equal is what is equal but for this: figures with a decimal point may differ by TOLERANCE, since the demo's sounds are noise and processors differ;
`…` and `...` stand for anything, on a line of its own for any number of lines; times, hashes and random names are any; and a server listens at a
free port, which is written as 8080. `tools/docs/renew` writes into a page what is printed now.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import markdown

sys.path.insert(0, str(markdown.ROOT / "tools/contracts"))
import standstill  # noqa: E402

ROOT = markdown.ROOT
PROGRAM = pathlib.Path(os.environ.get("CASTOR_PROGRAM", ROOT / ".build/release/castor"))
# Absolute, of figures up to 1.5, and as a share of larger ones.
TOLERANCE = 0.05
# Of shares that training says, of a few that are held back: a step that rounds otherwise may find one more.
PERCENT_TOLERANCE = 15
LOOP = r'''
while IFS= read -r -d "" -u 9 command; do
    (exit $status); eval "$command" </dev/null; status=$?; printf "\001%d\n" $status
done'''
# Lines of Python as they are typed.
TYPED = "import sys\nfor line in open(sys.argv[1]).read().splitlines():\n    print('>>>', line, flush=True)\n    exec(compile(line, 'typed', 'single'))\n"
ANY = re.compile(
    r"""\d{4}-\d\d-\d\dT[\d:.]+Z | (?<="ms":")[\d.]+ | (?<="id":")[0-9a-f]+ | \b[0-9a-f]{24,64}\b | (?<=files/)[a-z0-9]{12}\b | (?<=batches/)[a-z0-9-]{12,}""", re.X)
FIGURE = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")


class Step:
    """A command and the lines that a page shows below it."""

    def __init__(self, command, first):
        self.command, self.first, self.shown = command, first, []
        """`first`: where the shown lines begin in the block, from 0."""

    @property
    def waits(self):
        """Whether it goes on until it is ended."""
        return bool(re.match(r"castor serve\b|castor search\b.*--open\b|castor index\b.*--watch\b", self.command))


def steps(block):
    found, typed = [], False
    lines = block.lines
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.startswith("$ "):
            command = [line[2:]]
            here = re.search(r"<<-?\s*'?(\w+)'?", line)
            while number < len(lines) and (command[-1].endswith("\\") or here):
                command.append(lines[number])
                number += 1
                if here and command[-1] == here[1]:
                    break
            found.append(Step("\n".join(command), number))
        elif found:
            found[-1].shown.append(line)
    return found


class Session:
    """One shell in a folder that looks like a checkout after `make demo`."""

    def __init__(self, folder, media):
        standstill.watch()
        self.folder = folder
        self.port = None
        self.background = []
        self.files = 0
        for name in ("tools", "weights", "recipes", "deploy", "docs", "Tests", "Makefile"):
            (folder / name).symlink_to(ROOT / name)
        shutil.copytree(media, folder / "build/demo")
        for name in ("bin", "home"):
            (folder / f".{name}").mkdir()
        # As in a terminal, where its progress is not shown for little.
        (folder / ".home/.curlrc").write_text("silent\nshow-error\n")
        self._program("castor", f'test "$1" != serve || {{ shift; set -- serve --port 0 "$@"; }}\nexec {PROGRAM} "$@"')
        self._program("xdg-open", "exit 0")
        for name in ("python", "python3"):
            self._program(name, f'exec {sys.executable} "$@"')
        environment = {n: v for n, v in os.environ.items() if not n.startswith(("CASTOR_", "XDG_", "GOOGLE_", "GEMINI_", "OPENAI_"))}
        environment |= {
            "HOME": str(folder / ".home"), "PATH": f"{folder}/.bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "NO_PROXY": "127.0.0.1"}
        read, self.write = os.pipe()
        self.shell = subprocess.Popen(
            ["bash", "--norc", "-c", f"exec 9<&{read}; status=0; {LOOP}"], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=[read], start_new_session=True)
        os.close(read)

    def _program(self, name, script):
        path = self.folder / ".bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, command):
        """What it printed, on both outputs, as lines; and its exit status."""
        os.write(self.write, self.here(command).encode() + b"\0")
        lines = []
        for line in self.shell.stdout:
            line, end, status = line.decode(errors="replace").partition("\001")
            if line:
                lines.append(self.there(line.rstrip("\n")))
            if end:
                return lines, int(status)
        raise RuntimeError(f"the shell has ended at: {command}")

    def start(self, command, first_line):
        """A command that goes on; returns when it has said what the page shows first, or has ended."""
        self.files += 1
        path = self.folder / f".output-{self.files}"
        path.touch()
        command = re.sub(r"\s*&?\s*(\s#.*)?$", "", command)
        _, status = self.run(f"{command} >{path} 2>&1 &\necho $! >{path}.pid")
        process = int(pathlib.Path(f"{path}.pid").read_text())
        self.background.append((process, path))
        start = time.monotonic()
        while True:
            text = path.read_text()
            if port := re.search(r"listening at http://127\.0\.0\.1:(\d+)", text):
                self.port = port[1]
            if any(differences([first_line], [self.there(line)]) == [] for line in text.splitlines()):
                return path
            if self.run(f"kill -0 {process}")[1]:
                return path
            standstill.pause(start)

    def prepare(self, commands):
        """Runs commands that are not the page's, a line each; they must succeed."""
        for command in commands.splitlines():
            if Step(command, 0).waits:
                self.start(command, "castor: listening at http://127.0.0.1:8080")
            else:
                lines, status = self.run(command)
                assert status == 0, f"{command}: {lines}"

    def interrupt(self, path):
        """As Ctrl-C does."""
        process = next(process for process, other in self.background if other == path)
        os.kill(process, signal.SIGINT)
        self.run(f"wait {process}")
        self.background.remove((process, path))

    def here(self, command):
        return command.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}") if self.port else command

    def there(self, line):
        if self.port:
            line = line.replace(f"127.0.0.1:{self.port}", "127.0.0.1:8080")
        return line.replace(str(self.folder), "/home/me")

    def output(self, path):
        return [self.there(line) for line in path.read_text().splitlines()]

    def end(self):
        os.close(self.write)
        self.shell.stdout.close()
        try:
            os.killpg(self.shell.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.shell.wait()


class Played:
    """The page's transcripts: what each step printed."""

    def __init__(self, session):
        self.session = session
        # Steps that go on, with the files that they write; what they showed is compared at the end.
        self.waiting = []

    def play(self, block):
        """[(step, lines, what is wrong)] of the block's steps but those that go on."""
        results = []
        found = steps(block)
        # Where nothing is shown of any command, what they print is not the point: they must succeed.
        silent = not any(line.strip() for step in found for line in step.shown)
        for step in found:
            shown = [line for line in step.shown if line.strip()]
            if step.waits:
                path = self.session.start(step.command, shown[0] if shown else "…")
                if "search" in step.command:
                    self.session.interrupt(path)
                self.waiting.append((step, path))
                continue
            command = step.command
            if step.command == "python":
                lines = [line.removeprefix(">>> ") for line in shown if line.startswith(">>> ")]
                (self.session.folder / ".typed.py").write_text(TYPED)
                (self.session.folder / ".typed").write_text(self.session.here("\n".join(lines)))
                command = f"python {self.session.folder}/.typed.py {self.session.folder}/.typed"
            elif (name := re.fullmatch(r"cat (\S+)", command)) and self.session.run(f"test -e {name[1]}")[1]:
                # An input that the reader is shown, and has.
                self.session.run(f"cat >{name[1]} <<'END OF FILE'\n" + "\n".join(shown) + "\nEND OF FILE")
            printed, status = self.session.run(command)
            printed = [line for line in printed if line.strip()]
            wrong = [f"exit status {status}: {printed[-3:]}"] * (status != 0) if silent else differences(shown, printed)
            results.append((step, printed, wrong))
        return results

    def script(self, block):
        """What is wrong with a block of shell, or of Python that says after `#` what it prints."""
        if block.language != "python":
            printed, status = self.session.run(block.text)
            return [f"exit status {status}", *printed[-5:]] if status else []
        (self.session.folder / ".block.py").write_text(self.session.here(block.text))
        printed, status = self.session.run(f"python {self.session.folder}/.block.py")
        shown = re.findall(r"^print\(.*\) +# (.*)$", block.text, re.MULTILINE)
        return [f"exit status {status}", *printed[-5:]] if status else differences(shown, printed)

    def finish(self):
        """[(step, lines, what is wrong)] of those that went on: what the page shows is among what they said, in its order."""
        results = []
        for step, path in self.waiting:
            said = self.session.output(path)
            rest, wrong = list(said), []
            for line in step.shown:
                while rest and differences([line], [rest[0]]):
                    rest.pop(0)
                if not rest:
                    wrong.append(f"it does not say {line!r}, but {said}")
                    break
            results.append((step, said, wrong))
        return results


def differences(shown, printed):
    """What is wrong, a line each; empty where all is as shown."""
    rest, wrong = list(printed), []
    for number, line in enumerate(shown):
        if line.strip() in ("...", "…"):
            after = shown[number + 1:]
            if not after:
                return wrong
            while rest and not same(after[0], rest[0]):
                rest.pop(0)
        elif not rest:
            wrong.append(f"  shown:   {line}\n  printed: nothing")
        elif not same(line, other := rest.pop(0)):
            wrong.append(f"  shown:   {line}\n  printed: {other}")
    return wrong + [f"  shown:   nothing\n  printed: {line}" for line in rest]


def figures(shown, printed):
    """The figures of the printed line, where it is like the shown one but for them; else None."""
    shown, printed = ANY.sub("*", shown.rstrip()), ANY.sub("*", printed.rstrip())
    pieces = []
    last = 0
    for match in re.finditer(rf"(?P<figure>{FIGURE.pattern})|(?P<rest>,?\.\.\.,?|…)", shown):
        pieces.append(re.escape(shown[last:match.start()]))
        pieces.append(f"({FIGURE.pattern}|-?[01])" if match["figure"] else ".*?")
        last = match.end()
    match = re.fullmatch("".join(pieces) + re.escape(shown[last:]), printed)
    return match and match.groups()


def same(shown, printed):
    others = figures(shown, printed)
    plain = ANY.sub("*", shown.rstrip())
    return others is not None and all(
        abs(float(figure[0]) - float(other)) <= tolerance(figure, plain) for figure, other in zip(FIGURE.finditer(plain), others, strict=True))


def tolerance(figure, line):
    if re.match(r"(/[\d.]+)? %", line[figure.end():]):
        return PERCENT_TOLERANCE
    return TOLERANCE * max(1, abs(float(figure[0])) / 1.5)


def renewed(shown, printed):
    """The shown line with the printed one's figures, where no more is different; else the printed line."""
    others = figures(shown, printed)
    if others is None or ANY.search(shown):
        return shown if same(shown, printed) else printed
    rest = iter(others)
    return shown if same(shown, printed) else FIGURE.sub(lambda _: next(rest), shown)
