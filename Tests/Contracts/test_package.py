"""What packages are made of: the unit, the dependencies, man pages, the container's health check, and what the program says where a library is missing."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from conftest import PROGRAM, ROOT

sys.path.insert(0, str(ROOT / "tools/package"))
import compare  # noqa: E402
import dependencies  # noqa: E402
import manual  # noqa: E402

DEBIAN = ROOT / "deploy/debian"
MEDIA = ROOT / "Tests/Fixtures/media"


def test_late_libraries_are_those_of_the_sources():
    """Sonames in the C modules, FFmpeg's by their macro; Tesseract's only in builds with OCR."""
    found = set()
    for path in (ROOT / "Sources/System").rglob("*.[ch]"):
        text = re.sub(r"//.*", "", path.read_text())
        found |= set(re.findall(r'"(lib[\w+.-]+\.so\.\d+)"', text))
        found |= {f"{name}.so.{{{name}}}" for name in re.findall(r'SONAME\("(\w+)"', text)}
    listed = {soname for _, sonames in dependencies.late(lambda name: f"{{{name}}}") for soname in sonames}
    assert found - {"libtesseract.so.5"} == listed


def test_fields_of_the_control_file():
    packages = {"libopenblas.so.0": "libopenblas0-pthread", "libcairo.so.2": "libcairo2"}
    fields = dependencies.fields(
        ["libc6 (>= 2.34)", "libcairo2 (>= 1.2)"], dependencies.late(lambda name: "1"),
        lambda soname: packages.get(soname) or dependencies.by_policy(soname))
    assert fields["Depends"] == ["libc6 (>= 2.34)", "libcairo2 (>= 1.2)", "libopenblas0-pthread"]
    assert "libswresample1 | libswresample5" in fields["Recommends"] and "libglib-2.0-0" in fields["Recommends"]
    assert "libcairo2" not in fields["Recommends"]
    assert fields["Suggests"] == ["libonig5", "libutf8proc2 | libutf8proc3"]
    # Every place of the template has its value.
    places = set(re.findall(r"@(\w+)@", (DEBIAN / "control").read_text()))
    assert places == {"version", "architecture", "maintainer", "size", *fields}


def test_packages_of_this_machine():
    """By the soname, wherever the library lies: what holds it, not what policy would call it."""
    if not shutil.which("dpkg-query"):
        pytest.skip("no dpkg")
    assert dependencies.package("libglib-2.0.so.0") == "libglib2.0-0"
    assert dependencies.package("libnothing2.so.7") == "libnothing2-7"


def test_manual_has_every_command_and_option():
    dump = json.loads(subprocess.run([PROGRAM, "--experimental-dump-help"], check=True, capture_output=True).stdout)
    pages = manual.pages(dump, "1.2.3", "2026-01-02")
    count = 0
    for path, command in manual.walk(dump["command"]):
        page = pages["-".join(path) + ".1"]
        plain = re.sub(r"\\f[BIR]", "", page).replace("\\-", "-")
        assert plain.startswith(f".TH {'-'.join(path).upper()} 1 2026-01-02 ")
        for argument in command["arguments"]:
            for name in argument.get("names", []) if argument["shouldDisplay"] else []:
                assert re.search(rf"^(.*, )?-{'' if name['kind'] == 'short' else '-'}{name['name']}\b", plain, re.MULTILINE), (path, name)
                count += 1
    assert count > 100
    named = re.findall(r"^\\fB(castor\S*)\\fR\(1\)$", pages["castor.1"].replace("\\-", "-"), re.MULTILINE)
    assert {"castor-embed", "castor-serve", "castor-search"} <= set(named)
    assert {f"{name}.1" for name in named} <= set(pages)


def test_manual_reads_well():
    """Nothing of a text becomes a request or vanishes in an escape."""
    assert manual.escaped(".nf") == "\\&.nf"
    assert manual.escaped("a\\b -0 'x' ~") == "a\\eb \\-0 \\(aqx\\(aq \\(ti"
    if shutil.which("groff"):
        dump = json.loads(subprocess.run([PROGRAM, "--experimental-dump-help"], check=True, capture_output=True).stdout)
        for name, text in manual.pages(dump, "1.2.3", "2026-01-02").items():
            said = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z"], input=text, capture_output=True, text=True)
            assert said.stderr == "", name


def test_unit_is_closed():
    """Score 0 is shut in, 10 is open."""
    tool = shutil.which("systemd-analyze")
    if not tool:
        pytest.skip("no systemd-analyze")
    said = subprocess.run(
        [tool, "security", "--offline=true", "--no-pager", DEBIAN / "castor.service"], capture_output=True, text=True)
    score = re.search(r"exposure level for castor.service: ([\d.]+)", said.stdout)
    assert score and float(score[1]) < 2, said


def test_unit_starts_what_the_package_has():
    unit = (DEBIAN / "castor.service").read_text()
    user = re.search(r"^User=(\w+)$", unit, re.MULTILINE)[1]
    assert (DEBIAN / "castor.sysusers").read_text().startswith(f"u {user} ")
    options = re.findall(r" (--[\w-]+)", re.search(r"^ExecStart=.*$", unit, re.MULTILINE)[0])
    usage = subprocess.run([PROGRAM, "serve", "--help"], check=True, capture_output=True, text=True).stdout
    assert options and all(option in usage for option in options)
    variables = re.findall(r"^#?(CASTOR_\w+)=", (DEBIAN / "castor.default").read_text(), re.MULTILINE)
    assert variables[0] == "CASTOR_OPTIONS" and f"${variables[0]}" in unit
    assert set(variables[1:]) <= {name for name, _ in manual.ENVIRONMENT}


def test_a_mistake_of_configuration_ends_the_unit():
    """It is not tried again for ever: wrong usage, bad input and what is not found end it at once, the rest after some tries."""
    unit = (DEBIAN / "castor.service").read_text()
    assert re.search(r"^RestartPreventExitStatus=64 65 66$", unit, re.MULTILINE)
    seconds = int(re.search(r"^StartLimitIntervalSec=(\d+)$", unit, re.MULTILINE)[1])
    tries = int(re.search(r"^StartLimitBurst=(\d+)$", unit, re.MULTILINE)[1])
    assert tries * int(re.search(r"^RestartSec=(\d+)$", unit, re.MULTILINE)[1]) * 2 < seconds
    assert run("serve", "--no-such-option").returncode == 64
    assert run("serve", "--index", "/nowhere", "--port", "0").returncode == 66


def test_keys_of_the_unit_are_for_root_alone():
    """Without its signs for comments, the file is one that the server starts with."""
    assert re.search(r'castor\.default" "\$out/tree/etc/default/castor" 640$', (ROOT / "tools/package/deb").read_text(), re.MULTILINE)
    keys = re.search(r'^#CASTOR_API_KEY="(.*)"$', (DEBIAN / "castor.default").read_text(), re.MULTILINE)[1]
    assert keys.strip(" ,")


def test_purging_outlives_a_mount_point(tmp_path):
    """A disk of its own at /var/lib/castor becomes empty and stays."""
    (tmp_path / "root/var/lib/castor").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/deb-systemd-helper").write_text("#!/bin/sh\n")
    (tmp_path / "bin/deb-systemd-helper").chmod(0o755)
    script = 'mount -t tmpfs tmpfs root/var/lib/castor && mkdir root/var/lib/castor/files || exit 77; sh "$1" purge || exit 1; ls -A root/var/lib/castor'
    said = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", DEBIAN / "postrm"], cwd=tmp_path, capture_output=True, text=True,
        env={"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "DPKG_ROOT": str(tmp_path / "root")})
    if said.returncode not in (0, 1) or "unshare" in said.stderr:
        pytest.skip("no mounts without root")
    assert said.returncode == 0 and said.stdout == "", said


def test_health_check_of_the_container(server):
    text = (ROOT / "deploy/container/Containerfile").read_text().replace("\\\n", "")
    command = json.loads(re.search(r"^HEALTHCHECK .*? CMD\s+(\[.*\])$", text, re.MULTILINE)[1])
    port = server.url.rsplit(":", 1)[1].strip("/")
    assert "/8080" in command[-1]
    for port, status in ((port, 0), ("1", 1)):
        check = [*command[:-1], command[-1].replace("/8080", f"/{port}")]
        assert subprocess.run(check, capture_output=True, timeout=20).returncode == status


def run(*arguments, **variables):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, env={**os.environ, **variables})


@pytest.mark.parametrize(
    "soname, file, package",
    [("libheif.so.1", "scene.heic", "libheif1"), ("libavcodec.so.{}", "clip.mp4", "libavcodec{}"), ("libavformat.so.{}", "music.m4a", "libavformat{}"),
     ("libavutil.so.{}", "small.bmp", "libavcodec{}"), ("libpoppler-glib.so.8", "two-pages.pdf", "libpoppler-glib8")])
def test_a_missing_library_is_named(tmp_path, soname, file, package):
    """As is the Debian package that has it. What stands in for the library cannot be loaded."""
    major = dependencies.major(soname.split(".")[0]) if "{}" in soname else ""
    (tmp_path / soname.format(major)).write_text("nothing")
    said = run("embed", f"@{MEDIA / file}", LD_LIBRARY_PATH=str(tmp_path))
    assert said.returncode != 0 and said.stdout == ""
    assert soname.format(major) in said.stderr and "apt-get install" in said.stderr
    wanted = package.format(dependencies.major(package.removesuffix("{}")) if "{}" in package else "")
    assert wanted in said.stderr.split("apt-get install", 1)[1].split(), said.stderr
    assert ("libavcodec" in said.stderr) == ("libav" in soname)


def test_a_later_resampler_will_do(tmp_path):
    """Debian 13 has another FFmpeg, of which sounds at other rates need the resampler alone."""
    major = dependencies.major("libswresample")
    if major != "4":
        pytest.skip("built with that FFmpeg itself")
    embed = ["embed", "--dimensions", "16", "--format", "text", f"@{MEDIA / 'stereo-44k.wav'}"]
    expected = run(*embed).stdout
    (tmp_path / "libswresample.so.4").write_text("nothing")
    assert run(*embed, LD_LIBRARY_PATH=str(tmp_path)).returncode != 0
    cache = subprocess.run(["/sbin/ldconfig", "-p"], check=True, capture_output=True, text=True).stdout
    (tmp_path / "libswresample.so.5").symlink_to(re.search(r"libswresample\.so\.4 .*=> (\S+)", cache)[1])
    assert run(*embed, LD_LIBRARY_PATH=str(tmp_path)).stdout == expected != ""
    # Nothing else of FFmpeg is mixed with it.
    said = run("embed", f"@{MEDIA / 'clip.mp4'}", LD_LIBRARY_PATH=str(tmp_path))
    assert said.returncode == 0 or "apt-get install" in said.stderr


def test_comparison_of_two_places():
    same = {"a": "0.6 0.8", "b": "0.6 0.8"}
    assert compare.problems(same, same, 2e-6, [])[0] == []
    other = {"a": "0.6 0.80001", "b": "castor: part 1: it needs a library"}
    assert len(compare.problems(same, other, 2e-6, [])[0]) == 2
    assert compare.problems(same, other, 2e-5, ["b"])[0] == []


def test_version_stands_in_one_place():
    said = subprocess.run(["sh", "-c", '. "$0"; echo $version', "tools/package/common.sh"], cwd=ROOT, capture_output=True, text=True)
    version = said.stdout.strip()
    assert run("--version").stdout.strip() == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("script", sorted(path.name for path in DEBIAN.iterdir() if path.name in ("postinst", "prerm", "postrm")))
def test_scripts_of_the_package_read(script):
    subprocess.run(["sh", "-n", pathlib.Path(DEBIAN / script)], check=True)
