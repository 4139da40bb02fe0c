"""Man pages out of the program's own help: castor.1, and one for each subcommand.

    castor --experimental-dump-help | python3 tools/package/manual.py FOLDER VERSION DATE

swift-argument-parser's own generate-manual would build the whole program once more for the same, and knows neither files nor environment.
"""

import json
import pathlib
import re
import sys

ENVIRONMENT = [
    ("CASTOR_MODEL", "Model folder, where --model names none."),
    ("CASTOR_INDEX", "Folder of the index of castor index and castor search, where --index names none."),
    ("CASTOR_API_KEY", "Keys that castor serve lets in, with commas between."),
    ("CASTOR_PDF_PROGRAM", "The program that renders documents, where it is not this one."),
    ("OPENBLAS_CORETYPE", "Whose kernels OpenBLAS takes; else castor chooses them."),
    ("SWIFT_BACKTRACE", "enable=yes says where a crash was."),
]
FILES = [
    ("../share/castor/castor-small", "The default model, beside the program's folder; or castor-small in it."),
    ("~/.local/share/castor/index", "The index of castor index and castor search."),
    ("~/.local/state/castor", "What castor serve keeps: uploaded files and batch jobs."),
    ("/etc/default/castor", "Options of the systemd unit castor.service."),
    ("/var/lib/castor", "What the unit keeps."),
]
STATUS = [
    ("0", "Done."), ("64", "Wrong usage."), ("65", "Bad input; the message names the part and the limit."), ("66", "Not found."),
    ("69", "The machine lacks what computing needs."), ("70", "A bug of Castor."), ("73", "Cannot write."),
    ("74", "A file became shorter or could not be read while it was used."),
]
# A paragraph of the help whose lines all begin so shows commands.
COMMANDS = re.compile(r"(castor|curl) ")


def escaped(text):
    """For a line of roff: backslashes and hyphens are meant, and no line is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha").replace("`", "\\(ga").replace("'", "\\(aq")
    return "\\&" + text if text.startswith(".") else text


def bold(text):
    return f"\\fB{escaped(text)}\\fR"


def names(argument):
    """As they are typed: -n, --top n."""
    typed = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument.get("names", [])]
    value = f" \\fI{escaped(argument['valueName'])}\\fR" if argument["kind"] == "option" else ""
    return ", ".join(bold(name) for name in sorted(typed, key=len)) + value


def entry(term, text):
    return [".TP", term, escaped(text)]


def meaning(argument):
    text = argument.get("abstract", "")
    if argument.get("discussion"):
        text += " " + " ".join(argument["discussion"].split())
    if values := argument.get("allValues"):
        text += f" Values: {', '.join(values)}."
    if "defaultValue" in argument and argument["kind"] != "flag":
        text += f" Default: {argument['defaultValue']}."
    return text.strip() or argument["valueName"]


def synopsis(name, command, shown):
    words = [bold(name)]
    if any(argument["kind"] != "positional" for argument in shown):
        words.append("[\\fIoptions\\fR]")
    for argument in shown:
        if argument["kind"] == "positional":
            word = f"\\fI{escaped(argument['valueName'])}\\fR" + (" ..." if argument["isRepeating"] else "")
            words.append(f"[{word}]" if argument["isOptional"] else word)
    if subcommands(command):
        words.append("\\fIsubcommand\\fR ...")
    return " ".join(words)


def subcommands(command):
    return [each for each in command.get("subcommands", []) if each["shouldDisplay"] and each["commandName"] != "help"]


def page(command, path, version, date, others):
    title = "-".join(path)
    shown = [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]
    abstract = command["abstract"].rstrip(".")
    lines = [
        f'.TH {escaped(title.upper())} 1 {date} "castor {version}" "User Commands"', ".SH NAME", f"{escaped(title)} \\- {escaped(abstract[0].lower() + abstract[1:])}",
        ".SH SYNOPSIS", synopsis(" ".join(path), command, shown)]
    paragraphs = [part.split("\n") for part in command.get("discussion", "").split("\n\n") if part.strip()]
    examples = [part for part in paragraphs if all(COMMANDS.match(line) for line in part)]
    words = [" ".join(part) for part in paragraphs if part not in examples]
    status = [part for part in words if part.startswith("Exit status: ")]
    lines += [".SH DESCRIPTION"]
    for paragraph in [part for part in words if part not in status] or [command["abstract"]]:
        lines += [".PP", escaped(paragraph)]
    for heading, positional in (("ARGUMENTS", True), ("OPTIONS", False)):
        chosen = [argument for argument in shown if (argument["kind"] == "positional") == positional]
        if chosen:
            lines.append(f".SH {heading}")
        for argument in chosen:
            lines += entry(f"\\fI{escaped(argument['valueName'])}\\fR" if positional else names(argument), meaning(argument))
    if children := subcommands(command):
        lines.append(".SH SUBCOMMANDS")
        for child in children:
            lines += entry(f"\\fB{escaped('-'.join([*path, child['commandName']]))}\\fR(1)", child["abstract"])
    if status or len(path) == 1:
        lines.append(".SH EXIT STATUS")
        lines += [escaped(part.removeprefix("Exit status: ")) for part in status]
    if len(path) == 1:
        for heading, rows in ((None, STATUS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
            lines += [f".SH {heading}"] if heading else []
            for term, text in rows:
                lines += entry(bold(term), text)
    if examples:
        lines += [".SH EXAMPLES"]
        for part in examples:
            lines += [".PP", ".nf", *map(escaped, part), ".fi"]
    lines += [".SH SEE ALSO", ",\n".join(f"\\fB{escaped(other)}\\fR(1)" for other in others if other != title)]
    return "\n".join(lines) + "\n"


def walk(command, path=()):
    path = [*path, command["commandName"]]
    yield path, command
    for child in subcommands(command):
        yield from walk(child, path)


def pages(dump, version, date):
    """The text of each page by the name of its file."""
    commands = list(walk(dump["command"]))
    titles = ["-".join(path) for path, _ in commands]
    return {f"{title}.1": page(command, path, version, date, titles) for title, (path, command) in zip(titles, commands)}


if __name__ == "__main__":
    folder, version, date = sys.argv[1:]
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for name, text in pages(json.load(sys.stdin), version, date).items():
        (pathlib.Path(folder) / name).write_text(text)
