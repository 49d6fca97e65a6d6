# Sent to kernels as source: Python 3.9, nothing of labstudio. See `inside/__init__.py`.
# mypy: ignore-errors
"""What IPython knows beside the names: which cell made each, the history, the extensions."""

import ast
import re
import sys

_OWN = re.compile(r"__\w+__|_+|_i+|_i?\d+|_[io]h|_dh|_exit_code|_")
_SHELL = frozenset(("In", "Out", "get_ipython", "exit", "quit", "open", "display"))
_MISSING = object()

# Where restored names came from, for kernels whose own history does not tell.
_came_from = {}


def namespace():
    """Return the dictionary that the user's cells run in."""
    return sys.modules["__main__"].__dict__


def shell():
    """Return IPython's shell; None where there is none."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def user_names():
    """List the user's names in the order in which they were made."""
    hidden = getattr(shell(), "user_ns_hidden", {})
    return [
        name
        for name, value in namespace().items()
        if not _OWN.fullmatch(name)
        and not (name in _SHELL and (name in hidden or not hidden))
        and hidden.get(name, _MISSING) is not value
    ]


def history():
    """Return the cells so far, their number being their index; the first is empty."""
    manager = getattr(shell(), "history_manager", None)
    return [] if manager is None else list(manager.input_hist_raw)


def take_history(cells):
    """Go on counting where another kernel was."""
    it = shell()
    manager = getattr(it, "history_manager", None)
    if manager is None or not cells:
        return
    manager.input_hist_raw[:] = cells
    manager.input_hist_parsed[:] = [_plain(cell) for cell in cells]
    it.execution_count = len(cells)


def _plain(cell):
    try:
        return shell().transform_cell(cell).rstrip("\n")
    except Exception:
        return cell


def _tree(cell):
    try:
        return ast.parse(_plain(cell))
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])


def origins(names):
    """Return ``{name: [cell, line]}``: the cell that assigned each name last, and where."""
    found, wanted, cells = {}, set(names), history()
    for number in range(len(cells) - 1, 0, -1):
        if not wanted:
            break
        for name in wanted & bound(_tree(cells[number])):
            found[name] = [number, _line(name, cells[number])]
        wanted -= found.keys()
    for name in wanted & _came_from.keys():
        found[name] = _came_from[name]
    return found


def _line(name, cell):
    """Return the line of a cell that assigns a name last."""
    for statement in reversed(_tree(cell).body):
        if name in bound(statement):
            return _plain(cell).splitlines()[statement.lineno - 1].strip()[:120]
    return first_line(cell)


def remember(origin_of):
    """Keep where restored names came from."""
    _came_from.update(origin_of)


def first_line(cell):
    """Return the first line of a cell that says something."""
    return next((line.strip() for line in cell.splitlines() if line.strip()), "")[:120]


def bound(tree):
    """Return the names that a module's own level, or one of its statements, assigns."""
    finder = _Bound()
    finder.visit(tree)
    return finder.names


class _Bound(ast.NodeVisitor):
    def __init__(self):
        self.names = set()

    def _definition(self, node):
        self.names.add(node.name)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _definition

    def visit_Lambda(self, node):
        pass

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Store):
            self.names.add(node.id)

    def visit_alias(self, node):
        self.names.add(node.asname or node.name.partition(".")[0])


def submodules(names):
    """List modules such as ``xml.etree.ElementTree`` that ``import a.b.c`` loaded for a name."""
    found = []
    for cell in history():
        for node in ast.walk(_tree(cell)) if "import" in cell else ():
            if isinstance(node, ast.Import):
                dotted = [each.name for each in node.names if "." in each.name and not each.asname]
                found += [name for name in dotted if name.partition(".")[0] in names]
    return sorted(set(found))


def extensions():
    """List the IPython extensions that are loaded."""
    manager = getattr(shell(), "extension_manager", None)
    return [] if manager is None else sorted(manager.loaded)


def load_extensions(names):
    """Load IPython extensions; return those that are not there, with the reason."""
    manager, failed = getattr(shell(), "extension_manager", None), {}
    for name in names if manager is not None else ():
        try:
            manager.load_extension(name)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    return failed
