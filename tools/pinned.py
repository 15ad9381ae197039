"""Python environments that hold exactly the packages that a file of requirements pins."""

import hashlib
import pathlib
import shutil
import subprocess
import sys


def programs(place, requirements):
    """The folder of programs of such an environment below `place`, made when it is not there. The
    one of other requirements or of another Python goes. Raises CalledProcessError."""
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    wanted = pathlib.Path(place) / f"packages-{key}"
    if not (wanted / "complete").exists():
        for old in pathlib.Path(place).glob("packages-*"):
            shutil.rmtree(old)
        subprocess.run([sys.executable, "-m", "venv", wanted], check=True)
        subprocess.run([wanted / "bin/pip", "install", "--quiet", "--disable-pip-version-check",
                        "--no-input", "--require-hashes", "-r", requirements], check=True)
        (wanted / "complete").touch()
    return wanted / "bin"
