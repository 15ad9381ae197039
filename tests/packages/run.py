#!/usr/bin/env python3
"""The Debian packages, installed in a clean system of their own.

  tests/packages/run.py --packages build/release/packages [--keep]

A Debian is made in a temporary folder (debootstrap, from the mirror that apt uses here), the
packages are installed there with their dependencies, the server is started with the command line of
its unit and as the unit's user, asked, stopped, started again, and removed. Needs root, debootstrap
and lintian.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEADLINE_S = 30
STAGE = pathlib.PurePosixPath("/srv")  # where the test puts its own files in the system
POLL_S = 0.05


def run(*command, check=True, **options):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{shlex.join(map(str, command))}: {done.returncode}\n"
                           f"{done.stdout[-4000:]}")
    return done.stdout


def mirror():
    """The address and the further lines of apt's sources here, for a system of the same release."""
    listing = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)",
                  "Created-By: Packages")
    for line in listing.splitlines():
        address, _, release = line.partition(" ")
        if release == "bookworm":
            return address
    raise RuntimeError(f"apt knows no mirror of bookworm:\n{listing}")


class System:
    """A clean Debian below a folder."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder) / "root"
        self.environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                            "DEBIAN_FRONTEND": "noninteractive"}
        self.environment |= {name: value for name, value in os.environ.items()
                             if name.lower() in ("http_proxy", "https_proxy", "no_proxy")}

    def make(self):
        run("debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm", self.root,
            mirror())
        for name in ("apt.conf.d", "sources.list.d", "auth.conf.d", "trusted.gpg.d",
                     "preferences.d"):
            if pathlib.Path("/etc/apt", name).is_dir():
                shutil.copytree(pathlib.Path("/etc/apt", name), self.root / "etc/apt" / name,
                                dirs_exist_ok=True, symlinks=True)
        # What debootstrap has written names the mirror a second time, without security updates.
        sources = self.root / "etc/apt/sources.list"
        sources.unlink(missing_ok=True)
        if pathlib.Path("/etc/apt/sources.list").exists():
            shutil.copy("/etc/apt/sources.list", sources)
        for name in ("etc/resolv.conf", "etc/hosts"):
            shutil.copy(pathlib.Path("/", name), self.root / name)
        self.inside("apt-get", "update", "-qq")

    def inside(self, *command, check=True):
        return run("chroot", self.root, *command, check=check, env=self.environment)

    def path(self, inside):
        return self.root / str(inside).lstrip("/")

    def files(self):
        """Every path of the system that is not a matter of apt, dpkg or of a moment."""
        skipped = ("proc", "sys", "dev", "tmp", "run", "var/cache", "var/lib/apt", "var/log",
                   "var/lib/dpkg", "root", "srv", "etc/ssl", "usr/share/ca-certificates")
        found = set()
        for folder, folders, names in os.walk(self.root):
            inside = os.path.relpath(folder, self.root)
            folders[:] = [name for name in folders
                          if os.path.normpath(os.path.join(inside, name)) not in skipped]
            found.update(os.path.normpath(os.path.join(inside, name)) for name in names + folders)
        return found


class Service:
    """The server in the system, as its unit starts it; without systemd."""

    def __init__(self, system, unit):
        text = system.path(unit).read_text()
        self.settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
        self.system = system
        self.command = shlex.split(self.settings["ExecStart"])
        self.process = None

    def start(self):
        user = self.settings["User"]
        folder = self.settings["WorkingDirectory"]
        # The environment of a service: little.
        inner = f"cd {folder} && exec {shlex.join(self.command)}"
        self.process = subprocess.Popen(
            ["chroot", str(self.system.root), "setpriv", f"--reuid={user}",
             f"--regid={self.settings['Group']}", "--clear-groups", "--no-new-privs",
             "--inh-caps=-all", "--bounding-set=-all", "sh", "-c", inner],
            env={"PATH": self.system.environment["PATH"]}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def ask(self, *command):
        return self.system.inside("rstmdb-cli", "--timeout", "5", *command)

    def wait_until_served(self):
        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                return self.ask("ping")
            except RuntimeError as problem:
                if self.process.poll() is not None:
                    raise RuntimeError(f"it ended: {self.process.stdout.read()}") from problem
                if time.monotonic() > end:
                    raise
                time.sleep(POLL_S)  # polling

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE_S)
        output = self.process.stdout.read()
        assert code == 0, (code, output)
        return output


def test_1_lintian_finds_no_error(packages, _):
    done = run("lintian", "--fail-on", "none", "--no-tag-display-limit", "--allow-root", *packages)
    errors = [line for line in done.splitlines() if line.startswith("E:")]
    # The authors have no mail address.
    errors = [line for line in errors if "bogus-mail-host" not in line]
    assert not errors, "\n".join(errors)


def test_2_the_unit_is_the_hardened_one(packages, _):
    server = next(path for path in packages if path.name.startswith("rstmdb_"))
    with tempfile.TemporaryDirectory() as folder:
        run("dpkg-deb", "--extract", server, folder)
        unit = pathlib.Path(folder, "lib/systemd/system/rstmdb.service")
        assert unit.read_bytes() == (ROOT / "deploy/rstmdb.service").read_bytes()


def test_3_the_packages_install_in_a_clean_system(packages, system):
    system.make()
    system.before = system.files()
    for path in packages:
        shutil.copy(path, system.path(STAGE))
    names = [STAGE / path.name for path in packages if "-dev_" not in path.name]
    system.inside("apt-get", "install", "-y", "-qq", "--no-install-recommends", *names)
    listing = system.inside("dpkg", "--verify", "rstmdb", "rstmdb-cli")
    assert listing.strip() == "", listing
    state = system.path("var/lib/rstmdb").stat()
    assert oct(state.st_mode & 0o777) == "0o700", oct(state.st_mode)
    assert state.st_uid != 0, "the data belongs to root"


def test_4_the_server_runs_by_its_units_command_line(_, system):
    service = Service(system, "lib/systemd/system/rstmdb.service")
    service.start()
    assert "PONG" in service.wait_until_served().upper()
    definition = {"states": ["a", "b"], "initial": "a",
                  "transitions": [{"from": "a", "event": "GO", "to": "b"}]}
    system.path(STAGE / "m.json").write_text(json.dumps(definition))
    service.ask("put-machine", "-n", "m", "-v", "1", STAGE / "m.json")
    service.ask("create-instance", "-m", "m", "-i", "one")
    service.ask("apply-event", "-i", "one", "-e", "GO")
    owner = pathlib.Path(f"/proc/{service.process.pid}/status").read_text()
    assert re.search(r"^Uid:\s+[1-9]\d*\s+[1-9]", owner, re.MULTILINE), owner
    assert re.search(r"^CapBnd:\s+0+$", owner, re.MULTILINE), owner
    assert re.search(r"^NoNewPrivs:\s+1$", owner, re.MULTILINE), owner
    service.stop()
    service.start()
    service.wait_until_served()
    answer = json.loads(service.ask("--json", "get-instance", "one"))
    assert answer["state"] == "b", answer
    service.stop()


def test_5_settings_of_the_administrator_stay(packages, system):
    settings = system.path("etc/rstmdb/rstmdb.yaml")
    changed = settings.read_text().replace("max_connections: 1000", "max_connections: 77")
    settings.write_text(changed)
    server = next(path.name for path in packages if path.name.startswith("rstmdb_"))
    system.inside("dpkg", "--force-confdef", "--force-confold", "-i", STAGE / server)
    assert settings.read_text() == changed
    shown = system.inside("rstmdb", "--config", "/etc/rstmdb/rstmdb.yaml", "--print-config")
    assert re.search(r"network\.max_connections\s+77", shown), shown


def test_5b_bash_completes_commands_and_options(_, system):
    def replies(*words):
        script = (". /usr/share/bash-completion/completions/rstmdb-cli; COMP_WORDS=(rstmdb-cli "
                  + shlex.join(words) + f"); COMP_CWORD={len(words)}; _rstmdb_cli; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        return system.inside("bash", "-c", script).split()
    assert replies("apply") == ["apply-event"], replies("apply")
    assert {"put-machine", "ping"} <= set(replies("-s", "127.0.0.1:7401", "p"))
    assert "--idempotency-key" in replies("apply-event", "--i")
    assert "--server-name" in replies("--ser")


def test_6_a_program_is_built_with_the_client(packages, system):
    development = next(path.name for path in packages if "-dev_" in path.name)
    system.inside("apt-get", "install", "-y", "-qq", "--no-install-recommends",
                  STAGE / development, "g++", "pkg-config")
    shutil.copy(ROOT / "clients/cpp/examples/quickstart.cc", system.path(STAGE / "p.cc"))
    flags = system.inside("pkg-config", "--static", "--cflags", "--libs", "rstmdb").split()
    system.inside("g++", "-std=c++20", STAGE / "p.cc", "-o", STAGE / "p", *flags)
    service = Service(system, "lib/systemd/system/rstmdb.service")
    service.start()
    service.wait_until_served()
    said = system.inside(STAGE / "p", "127.0.0.1", "7401")
    assert "closed -> open" in said, said
    service.stop()
    system.inside("apt-get", "purge", "-y", "-qq", "--autoremove", "librstmdb-client-dev", "g++",
                  "pkg-config")


def test_7_removed_and_purged_they_leave_the_data_alone(_, system):
    system.inside("apt-get", "remove", "-y", "-qq", "rstmdb", "rstmdb-cli")
    assert system.path("etc/rstmdb/rstmdb.yaml").exists(), "settings go with purge, not before"
    system.inside("apt-get", "purge", "-y", "-qq", "--autoremove", "rstmdb", "rstmdb-cli")
    left = sorted(path for path in system.files() - system.before if not path.startswith(
        ("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/subuid", "etc/subgid")))
    data = [path for path in left if path == "var/lib/rstmdb"
            or path.startswith("var/lib/rstmdb/")]
    other = [path for path in left if path not in data and "rstmdb" in path]
    assert not other, other
    assert "var/lib/rstmdb/data/wal" in data, left
    assert "rstmdb" in system.path("etc/passwd").read_text(), "whose data is it?"


def test_8_without_data_the_user_goes_too(packages, system):
    shutil.rmtree(system.path("var/lib/rstmdb"))
    server = next(path.name for path in packages if path.name.startswith("rstmdb_"))
    system.inside("apt-get", "install", "-y", "-qq", "--no-install-recommends", STAGE / server)
    system.inside("apt-get", "purge", "-y", "-qq", "rstmdb")
    assert not system.path("var/lib/rstmdb").exists()
    assert "rstmdb" not in system.path("etc/passwd").read_text()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=pathlib.Path, required=True)
    parser.add_argument("--keep", action="store_true", help="leave the system for a look at it")
    args = parser.parse_args()
    missing = [name for name in ("debootstrap", "lintian") if not shutil.which(name)]
    if os.geteuid() != 0 or missing:
        print(f"not run: needs root and {' and '.join(missing) or 'nothing else'}")
        print("0 passed, 1 failed")
        return 1
    packages = sorted(args.packages.glob("*.deb"))
    if len(packages) != 3:
        print(f"not three packages: {packages}\n0 passed, 1 failed")
        return 1
    folder = tempfile.mkdtemp(prefix="rstmdb-packages-")
    system = System(folder)
    passed = failed = 0
    for name, test in sorted(globals().items()):
        if not name.startswith("test_"):
            continue
        began = time.monotonic()
        try:
            test(packages, system)
            passed += 1
            print(f"ok   {name} [{time.monotonic() - began:.1f} s]", flush=True)
        except Exception:  # the rest says more about what is wrong
            failed += 1
            print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
    if not args.keep:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
