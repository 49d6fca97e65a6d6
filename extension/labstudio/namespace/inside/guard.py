# Sent to kernels as source: Python 3.9, nothing of labstudio. See `inside/__init__.py`.
# mypy: ignore-errors
"""A kernel that a notebook has left runs no more cells: what they did would be lost."""

from . import cells

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
