"""Pages, their prose and their blocks of code. What is read is the Markdown that this project writes: fences, and blocks indented by four spaces."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def parts(text):
    """[(whether it is code, text)], which joined are the text."""
    found, fence, before = [], None, ""
    for line in text.splitlines(keepends=True):
        inside = bool(found) and found[-1][0]
        opening = None if fence else re.match(r"\s*(```+)", line)
        if fence:
            is_code, fence = True, None if line.strip() == fence else fence
            # What follows is another part, a block right after it too.
            before = line if fence else "```"
        elif opening:
            is_code, fence = True, opening[1]
            inside = False
        else:
            is_code = line.startswith("    ") and (inside and before != "```" or not before.strip()) or inside and not line.strip() and before != "```"
            before = line
        if not found or found[-1][0] != is_code or opening:
            found.append((is_code, ""))
        found[-1] = (is_code, found[-1][1] + line)
    return found


@dataclasses.dataclass(frozen=True)
class Block:
    page: str
    line: int
    """Of its first line of code, from 1."""
    language: str
    """What the fence says; empty for an indented block."""
    text: str
    indent: int

    @property
    def name(self):
        return f"{self.page}:{self.line}"

    @property
    def lines(self):
        return self.text.splitlines()


def blocks(page, text=None):
    """All of a page."""
    found, line = [], 1
    for is_code, part in parts((ROOT / page).read_text() if text is None else text):
        if is_code:
            lines = part.splitlines()
            fence = re.match(r"(\s*)```+\s*(\S*)", lines[0])
            inner = lines[1:-1] if fence else lines
            indent = len(fence[1]) if fence else 4
            code = "\n".join(row[indent:] for row in inner).rstrip()
            found.append(Block(page, line + bool(fence), fence[2] if fence else "", code + "\n", indent))
        line += part.count("\n")
    return found


def comments(source):
    """The text of a Swift file's documentation, each line where it stands in the file: all else is empty."""
    lines = [re.match(r"\s*/// ?(.*)", line) for line in (ROOT / source).read_text().splitlines()]
    return "\n".join(line[1] if line else "" for line in lines) + "\n"


def pages():
    """What people read, the library's catalogue and documentation comments included."""
    written = [
        "README.md", "CONTRIBUTING.md", "recipes/README.md", "weights/castor-small/README.md",
        *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))),
        *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "Sources").glob("**/*.docc/**/*.md")))]
    return written


def all_blocks():
    found = [block for page in pages() for block in blocks(page)]
    for path in sorted((ROOT / "Sources/Castor").glob("**/*.swift")):
        source = str(path.relative_to(ROOT))
        found += [block for block in blocks(source, comments(source)) if block.language]
    return found
