"""Which packages a job's code needs on a host, at the versions that are installed here."""

from __future__ import annotations

import ast
import hashlib
import json
import pickletools
import re
import sys
import zipfile
from functools import cache
from importlib import metadata
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.jobs.snapshot import blob_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from labstudio.home import Home
    from labstudio.jobs.models import Snapshot

RUNNER = (
    "cloudpickle",
    "ipykernel",
    "jupyter-client",
    "nbclient",
    "nbformat",
    "packaging",
    "papermill",
    "psutil",
    "pydantic",
    "traitlets",
)
"""What `labstudio.jobs.runner` imports."""
KERNEL = ("cloudpickle", "ipykernel")
"""What a kernel of the user's own Python needs."""
PYTHON = (3, 11)
"""The oldest Python that the runner works with."""
CODE_BYTES = 4 << 20
CARRY_BYTES = 64 << 20
# A zip of the same files is the same bytes: it travels by its hash.
STAMP = (1980, 1, 1, 0, 0, 0)


def imported(home: Home, snapshot: Snapshot) -> set[str]:
    """Return the top-level modules that the code of a snapshot names, none of its own."""
    found: set[str] = set()
    own: set[str] = set()
    for file in snapshot.files:
        if file.path.endswith((".py", ".ipynb")):
            own.add(file.path.partition("/")[0].removesuffix(".py"))
            if file.size_bytes <= CODE_BYTES:
                text = blob_path(home, file.sha256).read_text("utf-8", errors="replace")
                sources = _cells(text) if file.path.endswith(".ipynb") else [text]
                found.update(name for source in sources for name in _modules(source))
    if snapshot.payload:
        payload = blob_path(home, snapshot.payload)
        if payload.stat().st_size <= CARRY_BYTES:
            found.update(_pickled(payload.read_bytes()))
    return found - own - sys.stdlib_module_names - {"__main__", "labstudio"}


def _cells(text: str) -> Iterator[str]:
    try:
        cells = json.loads(text).get("cells", [])
    except (ValueError, AttributeError):
        return
    for cell in cells:
        if cell.get("cell_type") == "code":
            source = cell.get("source", "")
            lines = ("".join(source) if isinstance(source, list) else source).splitlines()
            yield "\n".join("" if re.match(r"\s*[%!?]", line) else line for line in lines)


def _modules(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _pickled(content: bytes) -> Iterator[str]:
    """Give what may be modules that a pickle names: those of what it holds by reference."""
    try:
        for code, argument, _ in pickletools.genops(content):
            if isinstance(argument, str) and "STRING" not in code.name[:6]:
                name = argument.partition(" ")[0].partition(".")[0]
                if name.isidentifier():
                    yield name
    except ValueError:
        return


@cache
def _owners() -> dict[str, list[str]]:
    return {name: list(found) for name, found in metadata.packages_distributions().items()}


def pinned(modules: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return what provides some modules here, and all that it needs, each at its version.

    Returns
    -------
    tuple
        Requirement lines; and names of what lies here in a folder of its own and cannot travel.
    """
    wanted = [owner for module in modules for owner in _owners().get(module, [])]
    lines: dict[str, str] = {}
    folders: list[str] = []
    seen: set[tuple[str, frozenset[str]]] = set()
    open_: list[tuple[str, frozenset[str]]] = [(name, frozenset()) for name in [*RUNNER, *wanted]]
    while open_:
        name, extras = open_.pop()
        key = (_plain(name), extras)
        if key in seen:
            continue
        seen.add(key)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # What another system needs, or an extra that is not here.
        if _is_folder(found):
            if _plain(name) != "labstudio":
                folders.append(name)
            continue
        lines[key[0]] = f"{key[0]}=={found.version.partition('+')[0]}"
        open_.extend(_needed(found, extras))
    return sorted(lines.values()), sorted(folders)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _is_folder(found: metadata.Distribution) -> bool:
    told = found.read_text("direct_url.json")
    return told is not None and str(json.loads(told).get("url", "")).startswith("file:")


def _needed(
    found: metadata.Distribution, extras: frozenset[str]
) -> Iterator[tuple[str, frozenset[str]]]:
    from packaging.requirements import Requirement

    for line in found.requires or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": each}) for each in (extras or {""})):
            yield requirement.name, frozenset(requirement.extras)


def runner_lines() -> list[str]:
    """Return what the runner needs, as labstudio itself asks for it."""
    from packaging.requirements import Requirement

    asked = {}
    for line in metadata.requires("labstudio") or []:
        requirement = Requirement(line)
        asked[_plain(requirement.name)] = f"{_plain(requirement.name)}{requirement.specifier}"
    return [asked.get(name, name) for name in RUNNER]


@cache
def sources() -> tuple[str, bytes]:
    """Return labstudio's own code as a zip, with its SHA-256."""
    import labstudio

    top = Path(next(iter(labstudio.__path__)))
    return _zipped(
        (f"labstudio/{path.relative_to(top).as_posix()}", path)
        for path in sorted(top.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    )


@cache
def pip() -> tuple[str, bytes]:
    """Return the pip that is installed here as a zip, with its SHA-256: Python runs it as it is."""
    found = metadata.distribution("pip")
    return _zipped(
        (file.as_posix(), Path(str(found.locate_file(file))))
        for file in sorted(found.files or [])
        if file.parts[0] == "pip" and file.suffix != ".pyc"
    )


def _zipped(files: Iterable[tuple[str, Path]]) -> tuple[str, bytes]:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, path in files:
            archive.writestr(zipfile.ZipInfo(name, STAMP), path.read_bytes())
    content = buffer.getvalue()
    return hashlib.sha256(content).hexdigest(), content


def platform_options(about: dict[str, Any], python: tuple[int, ...]) -> list[str]:
    """Return pip's options that ask for wheels of another machine's Python."""
    libc, version = about["libc"]
    system, machine = about["system"].lower(), about["machine"]
    options = ["--only-binary=:all:", "--implementation", "cp"]
    options += ["--python-version", ".".join(map(str, python[:2]))]
    if system == "linux" and libc == "glibc":
        minor = int(version.split(".")[1])
        for each in range(minor, 4, -1):
            options += ["--platform", f"manylinux_2_{each}_{machine}"]
        if machine in ("x86_64", "i686"):
            options += ["--platform", f"manylinux2014_{machine}"]
            options += ["--platform", f"manylinux2010_{machine}"]
            options += ["--platform", f"manylinux1_{machine}"]
        else:
            options += ["--platform", f"manylinux2014_{machine}"]
    return [*options, "--platform", f"{system}_{machine}"]
