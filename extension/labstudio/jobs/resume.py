"""What an earlier attempt kept is laid into a later one's folder, to go on from."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from labstudio.jobs.runner.protocol import CHECKPOINT, NOTEBOOK

if TYPE_CHECKING:
    from pathlib import Path

KERNEL, EARLIER = "kernel", "earlier.ipynb"


def keeps(attempt: Path) -> bool:
    """Say whether an attempt kept variables to go on from."""
    return (attempt / CHECKPOINT / KERNEL / "manifest.json").exists() and (
        attempt / NOTEBOOK
    ).exists()


def bring(earlier: Path, folder: Path) -> bool:
    """Lay the variables that an earlier attempt kept, and its notebook, into another's folder.

    Files are linked, not copied, where the file system can; nobody changes them.

    Returns
    -------
    bool
        False where it kept none, or that is done already.
    """
    source, target = earlier / CHECKPOINT / KERNEL, folder / CHECKPOINT / KERNEL
    if target.exists() or not keeps(earlier):
        return False
    unfinished = target.with_name(f".{KERNEL}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copytree(source, unfinished, copy_function=_link)
    shutil.copyfile(earlier / NOTEBOOK, unfinished / EARLIER)
    unfinished.rename(target)
    return True


def _link(source: str, target: str) -> str:
    from pathlib import Path

    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
    return target
