#!/usr/bin/env python3
"""Takes the power from a mounted file system and gives it back.

  tests/faults/power.py STATE cut       at this moment, while whoever writes stands still
  tests/faults/power.py STATE restore   mounts what the disk had at that moment

STATE is a file that PoweredDisk has written. The disk is an image on a file system that can share
blocks (xfs with reflink), so a copy of it takes milliseconds and is one moment: whatever the kernel
has not written yet is not in it, whatever it has written without being asked is.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from mounts import Skip, make_file_system, mount, need, run, unmount  # noqa: E402

HOST_BYTES = 4 << 30  # sparse


class PoweredDisk:
    """`with` it, there is a file system at `place` whose power `command` can switch."""

    def __init__(self, folder, size, kind):
        need("mount", "mkfs.xfs", f"mkfs.{kind}")
        self.folder = pathlib.Path(folder)
        self.host, self.place = self.folder / "host", self.folder / kind
        self.state = self.folder / "power.json"
        self.size, self.kind = size, kind
        self.command = f"{sys.executable} {pathlib.Path(__file__).resolve()} {self.state}"

    def __enter__(self):
        self.host.mkdir()
        self.place.mkdir()
        below = self.folder / "host.image"
        with open(below, "wb") as file:
            file.truncate(HOST_BYTES)
        run("mkfs.xfs", "-q", "-f", "-m", "reflink=1", below)
        mount("-o", "loop", below, self.host)
        try:
            image = self.host / "disk.0"
            make_file_system(self.kind, image, self.size)
            mount("-o", "loop", image, self.place)
            self.state.write_text(json.dumps({"image": str(image), "place": str(self.place),
                                              "cuts": 0}))
        except BaseException:
            self.__exit__()
            raise
        return self

    def cuts(self):
        return json.loads(self.state.read_text())["cuts"]

    def __exit__(self, *_):
        unmount(self.place)
        unmount(self.host)


def cut(state):
    image = pathlib.Path(state["image"])
    state["cuts"] += 1
    state["next"] = str(image.with_name(f"disk.{state['cuts']}"))
    run("cp", "--reflink=always", image, state["next"])


def restore(state):
    if "next" not in state:
        return  # it ended by itself before a cut
    unmount(state["place"])
    pathlib.Path(state["image"]).unlink()
    state["image"] = state.pop("next")
    mount("-o", "loop", state["image"], state["place"])


def main():
    path = pathlib.Path(sys.argv[1])
    state = json.loads(path.read_text())
    {"cut": cut, "restore": restore}[sys.argv[2]](state)
    path.write_text(json.dumps(state))


if __name__ == "__main__":
    try:
        main()
    except Skip as reason:
        sys.exit(str(reason))
