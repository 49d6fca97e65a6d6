"""The files beside a notebook or script that go along with it.

By default those are the modules in its folder that it imports, with what these import in turn, and
the files and folders there that a string in its code names. Nothing outside of the folder goes
along, nothing hidden, and no more than `LIMIT_BYTES` unless it is asked for by name.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shlex
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from labstudio.errors import InvalidInput
from labstudio.jobs import ipython_syntax

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LIMIT_BYTES = 100_000_000
FOLDER_LIMIT = 5_000
"""Files of one named folder that go along; a larger one is left out."""

_SKIPPED = frozenset({"__pycache__", "node_modules", "mlruns", "mlartifacts"})
_QUOTED = re.compile(r"\"((?:[^\"\\\n]|\\.)*)\"|'((?:[^'\\\n]|\\.)*)'")
_WILDCARD = re.compile(r"[*?\[]")


class Beside:
    """Collects the files in a folder that code uses.

    Parameters
    ----------
    folder
        The source's folder.
    entry
        The source itself, which is not one of them.
    """

    def __init__(self, folder: Path, *, entry: Path | None) -> None:
        self.folder = folder
        self._inside = folder.resolve()
        self._entry = entry.resolve() if entry is not None else None
        self._modules: dict[Path, None] = {}
        self._named: dict[Path, None] = {}
        self._left_out: set[str] = set()

    def files(self) -> list[str]:
        """List them, relative to the folder; modules come before data when not all fit."""
        taken: list[str] = []
        left = LIMIT_BYTES
        named = sorted(self._named, key=_size)
        for path in dict.fromkeys([*self._modules, *named]):
            size = _size(path)
            if size <= left:
                left -= size
                taken.append(self._relative(path))
            else:
                self._left_out.add(self._relative(path))
        return sorted(taken)

    def left_out(self) -> list[str]:
        """List what the code names and is too large, once `files` was called."""
        return sorted(self._left_out)

    def add_code(self, sources: Sequence[str], language: str) -> None:
        """Add what code uses; each source is parsed alone, so that a bad cell spoils no other."""
        for source in sources:
            if language.lower() in {"python", "ipython"}:
                self._add_python(source)
            else:
                self._add_names(_words(source))

    def _add_python(self, source: str) -> None:
        try:
            tree = ast.parse(ipython_syntax.to_python(source))
        except (SyntaxError, ValueError, RecursionError):
            self._add_names(_words(source))
            return
        for module in _imports(tree):
            self._add_module(module)
        self._add_names(_strings(tree))

    # Modules

    def _add_module(self, name: str) -> None:
        first, *rest = name.split(".")
        package = self.folder / first
        file = self.folder / f"{first}.py"
        if (package / "__init__.py").is_file() or (
            not file.is_file() and self._is_namespace(package, rest)
        ):
            for path in self._walk(package):
                self._add_module_file(path)
        elif file.is_file():
            self._add_module_file(file)

    def _is_namespace(self, package: Path, rest: list[str]) -> bool:
        if not rest or not package.is_dir():
            return False
        inner = package.joinpath(*rest[:1])
        return inner.with_suffix(".py").is_file() or inner.is_dir()

    def _add_module_file(self, path: Path) -> None:
        if path in self._modules or not self._may_go(path):
            return
        self._modules[path] = None
        self._read_on(path)

    def _read_on(self, path: Path) -> None:
        if path.suffix == ".py":
            # One that cannot be read goes along as it is; what it imports is not known then.
            with contextlib.suppress(OSError, UnicodeDecodeError):
                self._add_python(path.read_text(encoding="utf-8"))

    # Files that the code names

    def _add_names(self, names: Iterable[str]) -> None:
        for name in names:
            for path in self._named_by(name):
                if path.is_dir():
                    self._add_folder(path)
                else:
                    self._add_named(path)

    def _named_by(self, name: str) -> list[Path]:
        name = name.strip()
        if not name or len(name) > 1024 or "\0" in name or "\n" in name or "://" in name:
            return []
        parts = PurePosixPath(name).parts
        if not parts or parts[0] in {"/", "~"} or ".." in parts:
            return []
        try:
            if not _WILDCARD.search(name):
                path = self.folder / name
                return [path] if path.exists() else []
            if "**" in name or not re.search(r"[./]", name):
                return []  # A regular expression more often than files.
            return sorted(self.folder.glob(name))
        except (OSError, ValueError, NotImplementedError, re.error):
            return []

    def _add_folder(self, folder: Path) -> None:
        if folder.resolve() == self._inside or not self._may_go(folder):
            return
        paths: list[Path] = []
        for path in self._walk(folder):
            paths.append(path)
            if len(paths) > FOLDER_LIMIT:
                self._left_out.add(self._relative(folder))
                return
        for path in paths:
            self._add_named(path)

    def _add_named(self, path: Path) -> None:
        if path not in self._named and self._may_go(path):
            self._named[path] = None
            self._read_on(path)

    # Both

    def _walk(self, folder: Path) -> Iterator[Path]:
        for parent, folders, files in os.walk(folder):
            here = Path(parent)
            folders[:] = sorted(f for f in folders if not self._skipped(here / f))
            yield from (here / file for file in sorted(files) if not file.startswith("."))

    def _skipped(self, folder: Path) -> bool:
        hidden = folder.name.startswith(".") or folder.name in _SKIPPED
        return hidden or (folder / "pyvenv.cfg").exists()

    def _may_go(self, path: Path) -> bool:
        try:
            real = path.resolve(strict=True)
            inner = path.relative_to(self.folder)
        except (OSError, ValueError, RuntimeError):
            return False
        if not (real.is_relative_to(self._inside) and (real.is_file() or real.is_dir())):
            return False
        hidden = any(part.startswith(".") or part in _SKIPPED for part in inner.parts)
        return not hidden and real != self._entry

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def select_files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """Find the files that were asked for.

    Parameters
    ----------
    folder
        The source's folder.
    patterns
        Glob patterns relative to it; ``**`` goes into every folder below, and the name of a
        folder means all in it that is not hidden.

    Returns
    -------
    list of Path
        Files below `folder`, each once, in order.

    Raises
    ------
    InvalidInput
        When a pattern matches nothing or leads out of the folder, by ``..``, as an absolute path
        or through a link; ``field`` is ``files``.
    """
    beside = Beside(folder, entry=None)
    found: set[Path] = set()
    for pattern in patterns:
        parts = PurePosixPath(pattern).parts
        if not pattern.strip() or "\0" in pattern:
            raise InvalidInput("files holds an empty pattern.", field="files")
        if parts[:1] in {("/",), ("~",)} or Path(pattern).is_absolute() or ".." in parts:
            raise InvalidInput(
                f"files: {pattern!r} leads out of the source's folder.", field="files"
            )
        matched = _matches(folder, pattern, beside)
        if not matched:
            raise InvalidInput(f"files: {pattern!r} matches no file.", field="files")
        found.update(matched)
    return sorted(found)


def _matches(folder: Path, pattern: str, beside: Beside) -> list[Path]:
    inside = folder.resolve()
    try:
        literal = folder / pattern
        paths = [literal] if literal.exists() else list(folder.glob(pattern))
    except (OSError, ValueError, NotImplementedError, re.error) as error:
        raise InvalidInput(f"files: {pattern!r} is not a glob pattern.", field="files") from error
    files: list[Path] = []
    for path in paths:
        files.extend(beside._walk(path) if path.is_dir() else [path])
    for path in files:
        if not path.resolve().is_relative_to(inside):
            raise InvalidInput(
                f"files: {path.name!r} is a link that leads out of the source's folder.",
                field="files",
            )
    return [path for path in files if path.is_file()]


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _strings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ipython_syntax.as_magic(node) is not None:
            for argument in node.args:  # `%run helper.py`, `!python helper.py data.csv`
                yield from _split(str(getattr(argument, "value", "")))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _words(source: str) -> Iterator[str]:
    """List quoted strings and, as in a shell, bare words."""
    for match in _QUOTED.finditer(source):
        yield match[1] or match[2] or ""
    for line in source.splitlines():
        yield from _split(line)


def _split(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    return [word.removeprefix("./").rstrip(";)") for word in words]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
