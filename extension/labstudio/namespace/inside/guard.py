# Sent to kernels as source: Python 3.9, nothing of labstudio. See `inside/__init__.py`.
# mypy: ignore-errors
"""A kernel that a notebook has left runs no more cells: what they did would be lost."""

import os
import shutil
import tempfile

from . import cells
from .packing import pack

_guards = []


class _Guard:
    def __init__(self, message):
        self.message = message

    def visit(self, node):
        """Refuse a cell; IPython calls this for each, silent requests of ours have none."""
        from IPython.core.error import InputRejected

        if node.body:
            raise InputRejected(self.message)
        return node


def shut(message):
    """Refuse cells from now on, with this sentence."""
    open_again()
    _guards.append(_Guard(message))
    cells.shell().ast_transformers.extend(_guards)


def open_again():
    """Take cells again."""
    transformers = cells.shell().ast_transformers
    transformers[:] = [each for each in transformers if each not in _guards]
    _guards.clear()


def aside(key):
    """Return a private folder of this machine for what is packed."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    base = os.path.join(tempfile.gettempdir(), f"labstudio-{user}")
    os.makedirs(base, mode=0o700, exist_ok=True)
    if os.stat(base).st_uid != user:
        raise PermissionError(f"The folder {base} belongs to somebody else.")
    folder = os.path.join(base, key)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


def pack_aside(key):
    """Pack all names into `aside`'s folder; return the folder."""
    folder = aside(key)
    pack(folder)
    return folder


def clear(folder):
    """Remove a folder of packed names."""
    shutil.rmtree(folder, ignore_errors=True)
