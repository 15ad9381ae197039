"""The clients that are compared, how the adapter of each is started, and what it needs before."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADAPTERS = ROOT / "tests/conformance/adapters"
TYPESCRIPT = ROOT / "clients/typescript"
REFERENCE = "reference"


def commands(programs, python):
    """{client: (command of its adapter, the folder of the client)}. `programs` is the folder with
    the built adapter of the C++ client, `python` the interpreter for the Python client."""
    return {
        REFERENCE: ([sys.executable, str(ADAPTERS / "reference.py")], ADAPTERS),
        "cpp": ([str(pathlib.Path(programs) / "rstmdb_conformance_adapter")], ROOT / "clients/cpp"),
        "typescript": (["node", str(ADAPTERS / "typescript/main.mjs")], TYPESCRIPT),
        "python": ([python, str(ADAPTERS / "python/main.py")], ROOT / "clients/python"),
        "python-sync": ([python, str(ADAPTERS / "python/main_sync.py")], ROOT / "clients/python"),
    }


def prepare(name):
    """Builds what the client is run from, where that is older than its sources."""
    if name != "typescript":
        return
    built = TYPESCRIPT / "dist/esm/index.js"
    sources = [*(TYPESCRIPT / "src").rglob("*.ts"), TYPESCRIPT / "package-lock.json"]
    if built.exists() and built.stat().st_mtime >= max(one.stat().st_mtime for one in sources):
        return
    if not (TYPESCRIPT / "node_modules/typescript").exists():
        _run("npm", "ci", "--no-audit", "--no-fund")
    _run("node", "build.mjs")


def _run(*command):
    done = subprocess.run(command, cwd=TYPESCRIPT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} in {TYPESCRIPT}: {done.stdout[-2000:]}")
