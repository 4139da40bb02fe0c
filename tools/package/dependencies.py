"""Which Debian packages the program needs: of the libraries that are linked by dpkg-shlibdeps, of those that are loaded late by deploy/debian/late-libraries.

    python3 tools/package/dependencies.py PROGRAM      # Depends, Recommends and Suggests, a line each, as in a control file
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
LATE = ROOT / "deploy/debian/late-libraries"
# Of a library's packages that give the same soname, the one that is meant: the build with threads, as in tools/debian-packages.txt.
MEANT = {"libopenblas.so.0": "libopenblas0-pthread"}


def major(library):
    """Of an FFmpeg library's headers."""
    version = subprocess.run(["pkg-config", "--modversion", library], check=True, capture_output=True, text=True).stdout
    return version.split(".")[0]


def late(majors=major):
    """Pairs of field and sonames."""
    for line in LATE.read_text().splitlines():
        if line and not line.startswith("#"):
            field, *words = line.split()
            sonames = [word for word in words if ".so." in word]
            named = [re.sub(r"\{(\w+)\}", lambda match: majors(match[1]), soname) for soname in sonames]
            # Built with the later of two, both are one.
            yield field, list(dict.fromkeys(named))


def by_policy(soname):
    """libutf8proc.so.3 is in libutf8proc3: chapter 8.1 of Debian's policy."""
    name, version = soname.split(".so.")
    return name + ("-" if name[-1].isdigit() else "") + version


def package(soname):
    """That has it on this machine, else what policy calls it."""
    if soname in MEANT:
        return MEANT[soname]
    found = subprocess.run(["dpkg-query", "-S", f"*/{soname}"], capture_output=True, text=True).stdout
    # Debian 13 renamed some (t64) and keeps the former name as what they provide.
    owners = {line.split(":")[0].removesuffix("t64") for line in found.splitlines() if line.endswith("/" + soname)}
    return min(owners) if owners else by_policy(soname)


def linked(program):
    """What dpkg-shlibdeps says, with versions."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "debian").mkdir()
        (pathlib.Path(folder) / "debian/control").write_text("Source: castor\n\nPackage: castor\nArchitecture: any\n")
        said = subprocess.run(
            ["dpkg-shlibdeps", "-O", "-e", pathlib.Path(program).resolve()], cwd=folder, check=True, capture_output=True, text=True).stdout
    return [each.strip() for each in said.strip().removeprefix("shlibs:Depends=").split(",")]


def fields(linked, late, package=package):
    """The lists of packages by their field."""
    lists = {"Depends": sorted(linked), "Recommends": [], "Suggests": []}
    for field, sonames in late:
        lists[field].append(" | ".join(dict.fromkeys(package(soname) for soname in sonames)))
    # What is depended on is not recommended as well.
    hard = {each.split()[0].removesuffix("t64") for each in lists["Depends"]}
    return {field: list(dict.fromkeys(each for each in names if field == "Depends" or each not in hard)) for field, names in lists.items()}


if __name__ == "__main__":
    for field, names in fields(linked(sys.argv[1]), late()).items():
        print(f"{field}: {', '.join(names)}")
