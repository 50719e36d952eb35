"""The files of the operating system, as the store uses them."""

from __future__ import annotations

from pathlib import Path

from storage.osd.store.files import RealDisk


def test_a_ballast_counts_with_all_its_holes(tmp_path: Path) -> None:
    disk = RealDisk()
    free, total = disk.space(tmp_path)
    with (tmp_path / "ballast").open("wb") as ballast:
        ballast.truncate(total)
    assert disk.space(tmp_path) == (0, total)
    (tmp_path / "ballast").unlink()
    assert disk.space(tmp_path)[0] > free // 2
