"""Reading what an attempt left on disk: its log, resource samples, notebook, page and files.

Pure functions on an attempt's folder. They know nothing of the database; whoever calls them says
which attempt it is and whether it has ended.
"""

from __future__ import annotations

import codecs
import json
import mimetypes
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labstudio.errors import Forbidden, InvalidInput, NotFound, Unavailable
from labstudio.home import write_atomic
from labstudio.jobs.left import JobFile, JobFiles, LogChunk, ResourceSample, ResourceSeries
from labstudio.jobs.runner.protocol import (
    LOG,
    NOTEBOOK,
    OUTPUTS,
    RESOURCES,
    RESULT_PICKLE,
    SAVED,
    WORK,
    OutputFiles,
    read_model,
)

HTML = "output.html"

LOG_LIMIT = 1 << 22
# A UTF-8 character has at most four bytes: less than that might never make progress.
_LOG_LEAST = 4
# Lines looked at for each point asked for; longer series are thinned by stride first.
_DENSITY = 20
_PUBLIC = {NOTEBOOK, HTML, LOG, RESULT_PICKLE}

_MEDIA_TYPES = {
    ".ipynb": "application/x-ipynb+json",
    ".parquet": "application/vnd.apache.parquet",
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown",
    ".log": "text/plain",
    ".py": "text/x-python",
    ".r": "text/x-r",
    ".toml": "text/plain",
    ".yaml": "text/yaml",
    ".yml": "text/yaml",
    ".pkl": "application/octet-stream",
}


def media_type(path: str) -> str:
    """Return a file's media type, by its name."""
    if path == LOG:
        return "text/plain"
    suffix = Path(path).suffix.lower()
    guessed, encoding = mimetypes.guess_type(f"file{suffix}")
    if encoding is not None:
        return "application/octet-stream"
    return _MEDIA_TYPES.get(suffix) or guessed or "application/octet-stream"


def log_size(folder: Path) -> int:
    """Return the log's length in bytes; 0 when there is none yet."""
    try:
        return (folder / LOG).stat().st_size
    except FileNotFoundError:
        return 0


def read_log(
    folder: Path, attempt: int, *, offset: int = 0, limit: int = 1 << 20, ended: bool = False
) -> LogChunk:
    """Read a piece of an attempt's log.

    Parameters
    ----------
    folder
        The attempt's folder.
    attempt
        Its number.
    offset
        Where to start, in bytes. Beyond the log's end it means the end.
    limit
        The most to read, in bytes.
    ended
        Whether nothing more will be written, as known before this call. The text's last bytes are
        held back while they may still become a character.
    """
    limit = min(max(limit, _LOG_LEAST), LOG_LIMIT)
    try:
        with (folder / LOG).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = min(offset, size)
            file.seek(start)
            data = file.read(min(limit, size - start))
    except FileNotFoundError:
        size = start = 0
        data = b""
    final = ended and start + len(data) >= size
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data, final=final)
    held_back = len(decoder.getstate()[0])
    following = start + len(data) - held_back
    return LogChunk(
        offset=start,
        next_offset=following,
        size_bytes=size,
        text=text,
        attempt=attempt,
        complete=ended and following >= size,
    )


def read_resources(folder: Path, attempt: int, *, points: int = 600) -> ResourceSeries:
    """Read what an attempt's processes used, thinned to at most `points` samples.

    Each sample given stands for several: mean processor use, and the most memory and processes,
    so that a short peak of memory is not lost.
    """
    try:
        lines = (folder / RESOURCES).read_bytes().splitlines()
    except FileNotFoundError:
        lines = []
    stride = max(1, len(lines) // (points * _DENSITY))
    samples = [sample for line in lines[::stride] if (sample := _sample(line)) is not None]
    size = -(-len(samples) // points) if samples else 1
    thinned = [_merge(samples[at : at + size]) for at in range(0, len(samples), size)]
    return ResourceSeries(attempt=attempt, samples=thinned)


def _sample(line: bytes) -> ResourceSample | None:
    # The last line may be half written; a line that cannot be read is only one second's sample.
    try:
        return ResourceSample.model_validate_json(line)
    except ValueError:
        return None


def _merge(group: list[ResourceSample]) -> ResourceSample:
    if len(group) == 1:
        return group[0]
    gpu = [each.gpu_percent for each in group if each.gpu_percent is not None]
    gpu_memory = [each.gpu_memory_bytes for each in group if each.gpu_memory_bytes is not None]
    return ResourceSample(
        t=group[-1].t,
        cpu_percent=sum(each.cpu_percent for each in group) / len(group),
        memory_bytes=max(each.memory_bytes for each in group),
        processes=max(each.processes for each in group),
        gpu_percent=sum(gpu) / len(gpu) if gpu else None,
        gpu_memory_bytes=max(gpu_memory) if gpu_memory else None,
    )


def list_files(folder: Path, attempt: int) -> JobFiles:
    """List what an attempt left: notebook, page, log, result and output files.

    Paths are relative to the attempt's folder, as `file_path` takes them, names to the working
    folder, as the job's code knows them. The page is made when it is first asked for; its size is 0
    until then.
    """
    items = [
        JobFile.model_validate({**facts, "path": path, "name": path, "role": role})
        for path, role in ((NOTEBOOK, "notebook"), (LOG, "log"), (RESULT_PICKLE, "result"))
        if (facts := _facts(folder / path, path)) is not None
    ]
    notebook = _facts(folder / NOTEBOOK, NOTEBOOK)
    if notebook is not None:
        page = _facts(folder / HTML, HTML) or {
            **notebook,
            "size_bytes": 0,
            "media_type": "text/html",
        }
        page |= {"path": HTML, "name": HTML, "role": "html"}
        items.insert(1, JobFile.model_validate(page))
    for name in _outputs(folder):
        path = f"{WORK}/{name}"
        try:
            facts = _facts(file_path(folder, path), path)
        except (NotFound, Forbidden, InvalidInput):
            continue  # removed since, or a link that leads out of the folder
        if facts is not None:
            facts |= {"path": path, "name": name, "role": "output"}
            items.append(JobFile.model_validate(facts))
    return JobFiles(attempt=attempt, items=items)


def _facts(file: Path, path: str) -> dict[str, Any] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return {
        "size_bytes": stat.st_size,
        "media_type": media_type(path),
        "modified_at": datetime.fromtimestamp(stat.st_mtime, UTC),
    }


def _outputs(folder: Path) -> list[str]:
    listed = read_model(folder / OUTPUTS, OutputFiles)
    found = sorted(each.path for each in listed.items) if listed else []
    # Checkpoints are for the next attempt, not for people; they are large, too.
    return [path for path in found if not path.startswith(f"{SAVED}/")]


def file_path(folder: Path, path: str) -> Path:
    """Return the file that a path of `list_files` names.

    Only what a job leaves for its owner can be named: the folder also holds the runner's own
    files, and among them are secrets.

    Raises
    ------
    InvalidInput
        When the path is absolute, or has ``..`` or a null character in it.
    Forbidden
        When it is not one of the job's files, or a link that leads out of the folder.
    NotFound
        When there is no such file.
    """
    parts = path.split("/")
    if not path or path.startswith("/") or ".." in parts or "\0" in path:
        raise InvalidInput("path must be one that the job's list of files names.", field="path")
    work = parts[0] == WORK and len(parts) > 1
    if not work and path not in _PUBLIC:
        raise Forbidden(f"{path!r} is not one of the job's files.", field="path")
    if path == HTML:
        return html_file(folder)
    try:
        real = (folder / path).resolve(strict=True)
        within = (folder / WORK if work else folder).resolve()
    except (OSError, RuntimeError) as error:  # missing, a name too long, links in a circle
        raise NotFound(f"The job has no file {path!r}.", path=path) from error
    if not real.is_relative_to(within):
        raise Forbidden(f"{path!r} is a link that leads out of the job's folder.", field="path")
    if not real.is_file():
        raise NotFound(f"The job has no file {path!r}.", path=path)
    return real


def read_notebook(folder: Path) -> dict[str, Any]:
    """Return the output notebook as it stands."""
    try:
        notebook = json.loads((folder / NOTEBOOK).read_bytes())
    except FileNotFoundError as error:
        raise NotFound("The attempt has no output notebook.") from error
    except ValueError as error:
        raise Unavailable("The output notebook cannot be read.") from error
    if not isinstance(notebook, dict):
        raise Unavailable("The output notebook cannot be read.")
    return notebook


def html_file(folder: Path) -> Path:
    """Return the page made of the output notebook, making it when the notebook is newer.

    The page carries the notebook's own scripts: serve it only into a sandbox.
    """
    notebook, page = folder / NOTEBOOK, folder / HTML
    try:
        made_from = notebook.stat().st_mtime_ns
    except FileNotFoundError as error:
        raise NotFound("The attempt has no output notebook.") from error
    try:
        if page.stat().st_mtime_ns == made_from:
            return page
    except FileNotFoundError:
        pass
    write_atomic(page, _make_html(read_notebook(folder)), durable=False)
    # The page carries its notebook's time: it is current exactly while the two are the same.
    os.utime(page, ns=(made_from, made_from))
    return page


def render_html(folder: Path) -> str:
    """Return the page made of the output notebook; see `html_file`."""
    return html_file(folder).read_text(encoding="utf-8")


def _make_html(content: dict[str, Any]) -> str:
    import nbformat
    from nbconvert import HTMLExporter
    from nbformat.v4.rwbase import rejoin_lines

    # Neither validated nor upgraded: a notebook that is still being written shows what it has.
    notebook = rejoin_lines(nbformat.from_dict(content))
    for cell in notebook.cells:  # nbconvert needs fields that a kernel may leave out
        cell.setdefault("metadata", {})
        if cell.cell_type == "code":
            cell.setdefault("outputs", [])
            cell.setdefault("execution_count", None)
    page, _ = HTMLExporter(embed_images=False).from_notebook_node(notebook)
    return str(page)
