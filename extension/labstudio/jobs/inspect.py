"""What a notebook or script offers before it is submitted."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from labstudio.errors import InvalidInput
from labstudio.jobs.beside import Beside, select_files
from labstudio.jobs.models import JobKind, SourceInfo
from labstudio.jobs.parameters_cell import read_cell
from labstudio.jobs.placing import parted

__all__ = [
    "beside_code",
    "compute_of",
    "inspect",
    "inspect_content",
    "inspect_source",
    "select_files",
]

PARAMETERS_TAG = "parameters"
NEWEST_FORMAT = 4
_LANGUAGES = {".py": "python", ".sh": "bash", ".bash": "bash", ".r": "R"}


def inspect_source(path: str, root: Path | None) -> SourceInfo:
    """Read what a path names: a notebook, a script, or an image, of which nothing is read.

    Parameters
    ----------
    path
        The path, or ``docker://IMAGE``.
    root
        The folder that it is relative to and may not leave; None trusts the caller.
    """
    from labstudio.jobs.taking import image_of, resolve

    if (image := image_of(path)) is not None:
        return SourceInfo(path=path, kind=JobKind.image, name=image)
    return inspect(resolve(path, root)).model_copy(update={"path": path})


def inspect(path: Path) -> SourceInfo:
    """Read a notebook or script: its kind, kernel and parameters, and the files that it uses.

    Raises
    ------
    InvalidInput
        When it cannot be read, or is no notebook or script; ``field`` is ``path``.
    """
    info, sources = _read(_content(path), path.name)
    beside = Beside(path.parent, entry=path)
    beside.add_code(sources, info.language or "python")
    return info.model_copy(
        update={"path": str(path), "files": beside.files(), "files_left_out": beside.left_out()}
    )


def inspect_content(content: bytes, name: str) -> SourceInfo:
    """Read a notebook or script of which only the content is at hand; its files are not told.

    Raises
    ------
    InvalidInput
        As `inspect` does.
    """
    return _read(content, name)[0]


def compute_of(path: Path) -> str | None:
    """Return the compute that a notebook's kernel is of; None where it is of none.

    Raises
    ------
    InvalidInput
        As `inspect` does.
    """
    if path.suffix.lower() != ".ipynb":
        return None
    notebook = _notebook(_content(path), path.name)
    return _kernel(_mapping(_mapping(notebook, "metadata"), "kernelspec"))[0]


def beside_code(code: str, folder: Path) -> list[str]:
    """List the files in a folder that a cell uses: modules it imports, files it names."""
    beside = Beside(folder, entry=None)
    beside.add_code([code], "python")
    return beside.files()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        told = error.strerror or type(error).__name__
        raise InvalidInput(f"path {path.name!r} cannot be read: {told}.", field="path") from error


def _read(content: bytes, name: str) -> tuple[SourceInfo, list[str]]:
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".ipynb":
        return _read_notebook(content, name)
    language = _LANGUAGES.get(suffix)
    if language is None:
        raise InvalidInput(
            f"path {name!r} is neither a notebook (.ipynb) nor a script (.py, .sh, .R).",
            field="path",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"path {name!r} is not UTF-8 text.", field="path") from error
    return SourceInfo(path=name, kind=JobKind.script, name=name, language=language), [text]


def _read_notebook(content: bytes, name: str) -> tuple[SourceInfo, list[str]]:
    notebook = _notebook(content, name)
    metadata = _mapping(notebook, "metadata")
    kernel = _mapping(metadata, "kernelspec")
    language = _mapping(metadata, "language_info").get("name") or kernel.get("language")
    compute, kernel_name = _kernel(kernel)
    code = [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]
    sources = [_source(cell) for cell in code]
    tagged = [cell for cell in code if PARAMETERS_TAG in _tags(cell)]
    info = SourceInfo(
        path=name,
        kind=JobKind.notebook,
        name=name,
        kernel_name=kernel_name,
        compute=compute,
        language=language if isinstance(language, str) else "python",
        cells=len(code),
        has_parameters_cell=bool(tagged),
        parameters=read_cell(_source(tagged[0]), language, kernel_name) if tagged else [],
    )
    return info, sources


def _kernel(kernelspec: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the compute that a notebook's kernel is of, and the kernel's name there."""
    name = kernelspec.get("name")
    return parted(name) if isinstance(name, str) else (None, None)


def _notebook(content: bytes, name: str) -> dict[str, Any]:
    def refuse(why: str) -> InvalidInput:
        return InvalidInput(f"path {name!r} is not a notebook that can run: {why}.", field="path")

    if not content.strip():
        raise refuse("it is empty")
    try:
        notebook = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise refuse("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise refuse(f"it is not JSON ({error.msg} at {where})") from None
    except RecursionError:
        raise refuse("its JSON is nested too deeply") from None
    number = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if not isinstance(number, int):
        raise refuse("its JSON does not say `nbformat`")
    if number > NEWEST_FORMAT:
        raise refuse(f"it is of format {number}, and only formats to {NEWEST_FORMAT} are known")
    if number < NEWEST_FORMAT:
        notebook = _upgraded(notebook)
    cells = notebook.get("cells") if notebook is not None else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise refuse("it has no list of cells")
    return dict(notebook)


def _upgraded(notebook: dict[str, Any]) -> Any:
    import nbformat

    try:
        return nbformat.convert(nbformat.from_dict(notebook), NEWEST_FORMAT)
    except (AttributeError, KeyError, TypeError, ValueError, nbformat.ValidationError):
        return None  # A notebook by its number only.


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""


def _tags(cell: dict[str, Any]) -> list[Any]:
    tags = _mapping(cell, "metadata").get("tags")
    return tags if isinstance(tags, list) else []


def _mapping(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
