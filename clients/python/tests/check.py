#!/usr/bin/env python3
"""Checks and tests of the Python client, with tools of pinned versions.

  clients/python/tests/check.py --server build/release/bin/rstmdb [--only NAME]

The tools go into build/python-client, which is made anew when tests/requirements.txt changes; the
packages that are built go there too. pyright is run where there is a Node. Prints `N passed,
N failed`.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

CLIENT = pathlib.Path(__file__).resolve().parent.parent
ROOT = CLIENT.parents[1]
PLACE = ROOT / "build/python-client"
REQUIREMENTS = CLIENT / "tests/requirements.txt"
COUNT = re.compile(r"^(?:(\d+) failed)?(?:, )?(?:(\d+) passed)?.* in [\d.]+s", re.MULTILINE)
TRY_OUT = """
import asyncio, importlib.metadata, sys
import rstmdb, rstmdb.sync
assert "google_crc32c" not in sys.modules
assert rstmdb.__version__ == importlib.metadata.version("rstmdb")
definition = {"states": ["a", "b"], "initial": "a",
              "transitions": [{"from": "a", "event": "GO", "to": "b"}]}
async def main(port):
    async with rstmdb.Client(port=port) as client:
        await client.put_machine("m", 1, definition)
        made = await client.create_instance("m", 1)
        watch = await client.watch_instance(made.instance_id)
        await client.apply_event(made.instance_id, "GO", {"text": "x" * 5000})
        return (await watch.next(10)).to_state
port = int(sys.argv[1])
assert asyncio.run(main(port)) == "b"
with rstmdb.sync.Client(port=port) as client:
    assert client.list_instances("m", "b").total == 1
print("tried", rstmdb.__file__)
"""


class Failed(Exception):
    """A check that did not pass; its text says what was printed."""


def run(*command: str | pathlib.Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=CLIENT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def tools() -> pathlib.Path:
    """The folder of programs of an environment that has exactly what is pinned."""
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:16]
    place = PLACE / f"tools-{key}"
    if not (place / "complete").exists():
        for old in PLACE.glob("tools-*"):
            shutil.rmtree(old)
        run(sys.executable, "-m", "venv", place)
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input")
        run(place / "bin/pip", "install", *quiet, "--require-hashes", "-r", REQUIREMENTS)
        (place / "complete").touch()
    return place / "bin"


def build(programs: pathlib.Path) -> pathlib.Path:
    """The wheel, made from the sdist; both hold what they should and nothing else."""
    dist = PLACE / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    run(programs / "python", "-m", "build", "--no-isolation", "--outdir", dist, CLIENT)
    (wheel,) = dist.glob("rstmdb-*-py3-none-any.whl")
    (sdist,) = dist.glob("rstmdb-*.tar.gz")
    source = {f"src/{p.relative_to(CLIENT / 'src')}" for p in CLIENT.glob("src/**/*.py")}
    source.add("src/rstmdb/py.typed")
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    if missing := source - inside | {"LICENSE", "README.md", "tests/check.py"} - inside:
        raise Failed(f"the sdist lacks {sorted(missing)}")
    with zipfile.ZipFile(wheel) as archive:
        inside = {f"src/{name}" for name in archive.namelist() if ".dist-info/" not in name}
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        needs = re.findall(r"^Requires-Dist: (.*)$", archive.read(name).decode(), re.MULTILINE)
    if inside != source:
        raise Failed(f"the wheel differs from src by {sorted(inside ^ source)}")
    if any("extra == " not in need for need in needs):
        raise Failed(f"the wheel requires {needs}")
    return wheel


def try_out(programs: pathlib.Path, wheel: pathlib.Path, server: str) -> str:
    """Installs the wheel into an environment that has nothing else, and uses it."""
    empty = PLACE / "empty"
    shutil.rmtree(empty, ignore_errors=True)
    run(sys.executable, "-m", "venv", "--without-pip", empty)
    python = empty / "bin/python"
    quiet = ("--quiet", "--disable-pip-version-check", "--no-index")
    run(programs / "pip", "--python", python, "install", *quiet, wheel)
    sys.path.insert(0, str(CLIENT / "tests"))
    os.environ["RSTMDB_SERVER"] = server
    from server import Server

    folder = PLACE / "try-out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    running = Server(folder).start()
    try:
        return run(python, "-I", "-W", "error", "-c", TRY_OUT, str(running.port))
    finally:
        running.stop()


def types(programs: pathlib.Path) -> str:
    """mypy, and pyright on the sources and on the types of the package as installed."""
    text = run(programs / "mypy")
    if shutil.which("node") is None:
        return text + "there is no Node, so pyright was left out"
    quiet = {"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    text += run(programs / "pyright", "--pythonpath", programs / "python", "src", **quiet)
    # It looks for installed packages where the first Python of PATH has them.
    path = f"{PLACE / 'empty/bin'}:{os.environ['PATH']}"
    verify = (programs / "pyright", "--verifytypes", "rstmdb", "--ignoreexternal")
    text += run(*verify, PATH=path, **quiet)
    if "Type completeness score: 100%" not in text:
        raise Failed(text)
    return text


def reference(programs: pathlib.Path) -> str:
    """The API reference, in build/python-client/reference."""
    place = PLACE / "reference"
    shutil.rmtree(place, ignore_errors=True)
    names = ("rstmdb", "rstmdb.sync", "rstmdb.models", "rstmdb.errors")
    run(programs / "pdoc", "--output-directory", place, *names, PYTHONPATH=str(CLIENT / "src"))
    if "apply_event" not in (place / "rstmdb.html").read_text():
        raise Failed("the reference does not tell of apply_event")
    return f"{len(list(place.rglob('*.html')))} pages"


def tests(programs: pathlib.Path, server: str) -> tuple[int, int, str]:
    done = subprocess.run(
        [programs / "pytest"],
        cwd=CLIENT,
        env={**os.environ, "RSTMDB_SERVER": server, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    found = COUNT.findall(done.stdout)
    failed, passed = (int(number or 0) for number in found[-1]) if found else (0, 0)
    if done.returncode and not failed:
        failed = 1
    return passed, failed, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default=str(ROOT / "build/release/bin/rstmdb"))
    parser.add_argument("--only", default="", help="only checks whose name holds this")
    args = parser.parse_args()
    server = str(pathlib.Path(args.server).resolve())
    PLACE.mkdir(parents=True, exist_ok=True)
    programs = tools()
    checks = {
        "lint": lambda: run(programs / "ruff", "check", "."),
        "format": lambda: run(programs / "ruff", "format", "--check", "."),
        "wheel in an empty environment": lambda: try_out(programs, build(programs), server),
        "types": lambda: types(programs),
        "reference": lambda: reference(programs),
    }
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(tests, programs, server) if args.only in "tests" else None
        passed = failed = 0
        for name, check in checks.items():
            if args.only not in name:
                continue
            try:
                check()
            except Failed as problem:
                failed += 1
                print(f"FAIL {name}\n{problem}", flush=True)
            else:
                passed += 1
                print(f"ok   {name}", flush=True)
        if running is not None:
            ran, broken, text = running.result()
            passed, failed = passed + ran, failed + broken
            print(text if broken else f"ok   tests: {ran}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
