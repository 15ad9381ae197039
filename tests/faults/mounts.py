"""File systems made for a test: in memory, in an image on a loop device, on a disk that fails when
told to. All need root; what cannot be made here is a Skip.
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
import struct
import subprocess
import time

SHUTDOWN = 0x8004587D  # FS_IOC_SHUTDOWN
WITHOUT_FLUSHING_THE_JOURNAL = 2
READY_S = 10.0


class Skip(Exception):
    """Why a case cannot run here."""


def need(*programs):
    if os.geteuid() != 0:
        raise Skip("needs root")
    for program in programs:
        if not shutil.which(program, path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin"):
            raise Skip(f"{program} is not installed")


def run(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def mount(*arguments):
    try:
        run("mount", *arguments)
    except subprocess.CalledProcessError as problem:
        raise Skip(f"mount does not work here: {problem.stderr.decode().strip()}") from None


def is_mounted(folder):
    # Not os.path.ismount: a file system that is shut down does not even tell of its root.
    mounts = pathlib.Path("/proc/self/mounts").read_text().splitlines()
    return any(line.split()[1] == str(folder) for line in mounts)


def unmount(folder):
    """Undoes a mount; one that is still used goes as soon as it is not."""
    if not is_mounted(folder):
        return
    try:
        run("umount", folder)
    except subprocess.CalledProcessError:
        run("umount", "--lazy", folder)


@contextlib.contextmanager
def tmpfs(folder, size):
    need("mount")
    place = pathlib.Path(folder) / "tmpfs"
    place.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", place)
    try:
        yield place
    finally:
        unmount(place)


def make_file_system(kind, image, size):
    with open(image, "wb") as file:
        file.truncate(size)
    options = ["-f"] if kind == "xfs" else ["-F", "-m", "0"]
    run(f"mkfs.{kind}", "-q", *options, image)


class Image:
    """A file system in a file, mounted through a loop device."""

    def __init__(self, folder, size, kind="ext4"):
        need("mount", f"mkfs.{kind}")
        self.file = pathlib.Path(folder) / "image"
        self.place = pathlib.Path(folder) / kind
        self.place.mkdir()
        make_file_system(kind, self.file, size)

    def mount(self, options="rw"):
        mount("-o", f"loop,{options}", self.file, self.place)

    def unmount(self):
        unmount(self.place)

    def cut_power(self):
        """What has not been synced is gone, and every further call fails until it is mounted anew.

        Whoever writes has to be frozen: a sync that is under way while ext4 is shut down may say
        that all is well although it is not (2 of 200 times with a program of a dozen lines). When
        the power goes, nobody hears what a sync says after it.
        """
        folder = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, struct.pack("I", WITHOUT_FLUSHING_THE_JOURNAL))
        except OSError as problem:
            raise Skip(f"the file system cannot be shut down: {problem}") from None
        finally:
            os.close(folder)

    def __enter__(self):
        self.mount()
        return self

    def __exit__(self, *_):
        self.unmount()


class FailingDisk:
    """A block device whose writes fail while a file is there (nbdkit behind nbdfuse), and a file
    system on it."""

    def __init__(self, folder, size, kind="ext4"):
        need("mount", f"mkfs.{kind}", "nbdkit", "nbdfuse", "fusermount3", "losetup")
        if not os.path.exists("/dev/fuse"):
            raise Skip("there is no /dev/fuse")
        self.folder = pathlib.Path(folder)
        self.place = self.folder / "disk"
        self.switch = self.folder / "errors"
        self.door = self.folder / "door"
        self.image = self.folder / "image"
        self.size, self.kind = size, kind
        self.device = self.process = None

    def __enter__(self):
        self.place.mkdir()
        self.door.mkdir()
        make_file_system(self.kind, self.image, self.size)
        self.process = subprocess.Popen(
            ["nbdfuse", str(self.door), "--command", "nbdkit", "-s", "file", str(self.image),
             "--filter=error", "error-pwrite=EIO", "error-pwrite-rate=100%",
             f"error-pwrite-file={self.switch}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_S
        while not (self.door / "nbd").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise Skip("nbdfuse does not work here")
            time.sleep(0.01)  # polling, with the deadline above
        done = subprocess.run(["losetup", "--show", "-f", str(self.door / "nbd")],
                              capture_output=True, text=True, check=True)
        self.device = done.stdout.strip()
        self.mount()
        return self

    def mount(self):
        mount(self.device, self.place)

    def unmount(self):
        unmount(self.place)

    def fail(self):
        self.switch.touch()

    def heal(self):
        self.switch.unlink(missing_ok=True)

    def __exit__(self, *_):
        self.heal()
        self.unmount()
        if self.device:
            run("losetup", "-d", self.device)
        subprocess.run(["fusermount3", "-u", str(self.door)], check=False,
                       stderr=subprocess.DEVNULL)
        try:
            self.process.wait(READY_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
