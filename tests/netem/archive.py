"""The file system that a kernel unpacks at its start: files of tar archives and of our own, as an archive of cpio's.

Written here, because most machines have no `cpio`. Format: the kernel's Documentation, "initramfs buffer format".
"""

from __future__ import annotations

import stat
import tarfile
from pathlib import Path
from typing import IO

KINDS = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.REGTYPE: stat.S_IFREG, tarfile.SYMTYPE: stat.S_IFLNK}
END = "TRAILER!!!"


class Archive:
    """Written from the first entry to the last; a later entry replaces an earlier one of its name."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._entries = file, 0

    def add(self, name: str, mode: int, content: bytes = b"") -> None:
        """One entry: its kind is in its mode, as the kernel has it."""
        self._entries += 1
        words = name.encode() + b"\0"
        numbers = (self._entries, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(words), 0)
        header = b"070701" + b"".join(b"%08x" % number for number in numbers)
        for part in (header + words, content):
            self._file.write(part + bytes(-len(part) % 4))

    def add_file(self, name: str, content: bytes, mode: int = 0o755) -> None:
        """A file, and the folders that it is in."""
        for folder in reversed(Path(name).parents[:-1]):
            self.add(str(folder), stat.S_IFDIR | 0o755)
        self.add(name, stat.S_IFREG | mode, content)

    def add_tar(self, tar: tarfile.TarFile, without: tuple[str, ...]) -> None:
        """Everything of a tar archive but some folders. Devices are left out: a kernel makes its own."""
        links = []
        for member in tar:
            name = member.name.removeprefix("./")
            if name.startswith(without):
                continue
            if member.islnk():
                links.append(member)
            elif member.type in KINDS:
                content = member.linkname.encode() if member.issym() else _content(tar, member)
                self.add(name, KINDS[member.type] | member.mode, content)
        for member in links:  # a second name of a file is another way to it
            self.add(member.name, stat.S_IFLNK | 0o777, f"/{member.linkname}".encode())

    def close(self) -> None:
        """The last entry."""
        self.add(END, 0)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file else b""
