#!/usr/bin/env python3
"""What deploy/ holds besides programs: the unit, the container's recipe, the files of the packages.
None of them is run here; tests/packages/run.py does that with the packages."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEPLOY = ROOT / "deploy"
EXPOSURE_MAX = 1.5
INSTRUCTIONS = {"FROM", "RUN", "COPY", "WORKDIR", "USER", "VOLUME", "ENV", "EXPOSE", "STOPSIGNAL",
                "HEALTHCHECK", "ENTRYPOINT", "CMD"}


def unit_settings():
    """{setting: [value of each line]}"""
    settings = {}
    for line in (DEPLOY / "rstmdb.service").read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            settings.setdefault(name, []).append(value)
    return settings


def instructions(text):
    """[(instruction, its words)] of a Dockerfile, continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    lines = [line for line in joined.splitlines() if line.strip()]
    return [tuple(line.split(" ", 1)) for line in lines]


class Unit(unittest.TestCase):
    def test_exposure(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager",
                               str(DEPLOY / "rstmdb.service")], capture_output=True, text=True,
                              check=False)
        found = re.search(r"Overall exposure level for rstmdb.service: ([\d.]+)", done.stdout)
        self.assertIsNotNone(found, done.stdout + done.stderr)
        self.assertLessEqual(float(found.group(1)), EXPOSURE_MAX)

    def test_what_the_server_relies_on(self):
        settings = unit_settings()
        for name, value in (("Type", "notify"), ("CapabilityBoundingSet", ""), ("LimitCORE", "0"),
                            ("UMask", "0077"), ("Restart", "on-failure"),
                            ("MemoryDenyWriteExecute", "yes"), ("ProtectSystem", "strict"),
                            ("StateDirectory", "rstmdb"), ("User", "rstmdb")):
            self.assertEqual(settings.get(name), [value], name)
        self.assertEqual(settings["WorkingDirectory"], ["/var/lib/rstmdb"])

    def test_the_exposure_of_a_plain_unit_is_seen(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder, "plain.service")
            unit.write_text("[Service]\nExecStart=/bin/true\n")
            done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager",
                                   str(unit)], capture_output=True, text=True, check=False)
        level = re.search(r"exposure level for plain.service: ([\d.]+)", done.stdout).group(1)
        self.assertGreater(float(level), EXPOSURE_MAX)


class Container(unittest.TestCase):
    def setUp(self):
        self.lines = instructions((DEPLOY / "Dockerfile").read_text())

    def test_every_line_is_an_instruction(self):
        for line in self.lines:
            self.assertEqual(len(line), 2, line)
            self.assertIn(line[0], INSTRUCTIONS)

    def test_it_builds_and_runs_on_the_same_debian(self):
        bases = [words.split()[0] for name, words in self.lines if name == "FROM"]
        self.assertEqual(bases, ["debian:12-slim"] * 2)

    def test_it_runs_as_nobody_special_and_is_watched(self):
        last = self.lines[max(i for i, (name, _) in enumerate(self.lines) if name == "FROM"):]
        names = [name for name, _ in last]
        self.assertEqual(dict(last)["USER"], "rstmdb")
        self.assertLess(names.index("USER"), names.index("ENTRYPOINT"))
        check = dict(last)["HEALTHCHECK"].partition("CMD ")[2]
        self.assertEqual(json.loads(check)[0], "rstmdb-cli")
        self.assertEqual(json.loads(dict(last)["ENTRYPOINT"]), ["/usr/bin/rstmdb"])

    def test_what_it_copies_exists_and_is_not_ignored(self):
        ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines()
                   if line and not line.startswith("#")]
        for name in ("src", "cli", "clients", "cmake", "deploy", "scripts", "tools", "protocol",
                     "CMakeLists.txt", "CMakePresets.json", "CHANGELOG.md"):
            self.assertTrue((ROOT / name).exists(), name)
            self.assertNotIn(name, ignored)
        self.assertIn(".git", ignored)

    def test_its_variables_are_settings(self):
        keys = (ROOT / "src/config/keys.cc").read_text()
        for name in re.findall(r"\b(RSTMDB_\w+)=", dict(self.lines)["ENV"]):
            self.assertIn(f'"{name}"', keys)


class Packages(unittest.TestCase):
    def test_scripts_are_shell_that_stops_at_an_error(self):
        for name in ("postinst", "prerm", "postrm"):
            path = DEPLOY / "debian" / name
            text = path.read_text()
            self.assertTrue(text.startswith("#!/bin/sh\n"), name)
            self.assertIn("\nset -e\n", text)
            self.assertTrue(path.stat().st_mode & 0o100, name)
            if shutil.which("shellcheck"):
                subprocess.run(["shellcheck", "--shell=sh", str(path)], check=True)

    def test_the_version_is_the_projects(self):
        version = re.search(r"project\(rstmdb VERSION ([\d.]+)",
                            (ROOT / "CMakeLists.txt").read_text()).group(1)
        changes = (DEPLOY / "debian/changelog").read_text()
        self.assertTrue(changes.startswith(f"rstmdb ({version}) "), changes.splitlines()[0])

    def test_manual_pages_name_every_option(self):
        options = set(re.findall(r'"(--[a-z-]+)"', (ROOT / "src/app/arguments.cc").read_text()))
        page = (DEPLOY / "man/rstmdb.8").read_text().replace("\\-", "-")
        self.assertGreaterEqual(len(options), 3)
        self.assertEqual([option for option in options if option not in page], [])


if __name__ == "__main__":
    unittest.main()
