"""From what is typed at a shell or in a magic to a job's spec; both doors read the same options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.compute.models import Need
from labstudio.errors import Conflict, InvalidInput, NotFound
from labstudio.inputs import validated
from labstudio.jobs.models import CreateJob, CreateSweep, Environment, ListJobs
from labstudio.jobs.parameters import from_text, sweep_from_text
from labstudio.jobs.taking import image_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from labstudio.jobs.door import AnyStudio
    from labstudio.jobs.models import ParameterSpec

ID_LENGTH = 26


def pairs(texts: Iterable[str], field: str) -> dict[str, str]:
    """Read ``NAME=VALUE`` texts.

    Raises
    ------
    InvalidInput
        When one has no ``=`` or no name.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise InvalidInput(f"{field} must be NAME=VALUE, not {text!r}.", field=field)
        found[name.strip()] = value
    return found


def find_job(studio: AnyStudio, text: str) -> str:
    """Find a job by its id, the end of its id, or ``last``.

    Raises
    ------
    NotFound, Conflict
        When no job, or more than one, is meant.
    """
    if len(text) == ID_LENGTH:
        return text
    items = studio.jobs.list(ListJobs(limit=1 if text == "last" else 1000)).items
    meant = [each.id for each in items if text == "last" or each.id.endswith(text.upper())]
    if not meant or not text:
        raise NotFound(f"There is no job {text!r}.", job_id=text)
    if len(meant) > 1:
        raise Conflict(f"{len(meant)} jobs end with {text!r}; give more of the id.", job_id=text)
    return meant[0]


def environment(
    entries: Iterable[str], python: str | None = None, *, read_files: bool = False
) -> Environment:
    """Read what stands after ``--env``: requirements files, and packages by name.

    Parameters
    ----------
    entries
        Paths of files, requirement lines, or one ``docker://IMAGE``.
    python
        An interpreter to run with, or to build from.
    read_files
        Read every file now. Otherwise the first is left to the submission, which then has a
        source beside which it lies.

    Raises
    ------
    InvalidInput
        When a file that is named so cannot be read, or a line of it is wrong.
    """
    requirements: list[str] = []
    files: list[Path] = []
    image = None
    for entry in entries:
        if (named := image_of(entry)) is not None:
            image = named
            continue
        path = Path(entry).expanduser()
        if path.is_file() or path.suffix == ".txt":
            files.append(path)
        else:
            requirements.append(entry)
    # The spec has room for one file: the others are read here.
    kept, others = ([], files) if read_files else (files[:1], files[1:])
    if others:
        from labstudio.jobs.requirements import read

        for path in others:
            requirements += read(path, str(path))
    return Environment(
        requirements=requirements,
        requirements_file=str(kept[0].absolute()) if kept else None,
        python=python,
        image=image,
    )


def create_job(given: Mapping[str, Any], specs: Iterable[ParameterSpec] = ()) -> CreateJob:
    """Make the spec of a job.

    Parameters
    ----------
    given
        Fields of `CreateJob`, those left out or None at their default; ``parameters``, ``env``,
        ``tags`` and ``inputs`` as ``NAME=VALUE`` texts, ``environment`` as for `environment`,
        and those of `Need` beside them.
    specs
        The notebook's parameters, by which texts become values.

    Raises
    ------
    InvalidInput
        When a value is wrong; its field is named.
    """
    fields = {name: value for name, value in given.items() if value is not None}
    texts = pairs(fields.pop("parameters", ()), "parameters")
    fields["parameters"] = from_text(list(specs), texts)
    for name in ("env", "tags", "inputs"):
        fields[name] = pairs(fields.pop(name, ()), name)
    # At a shell and in a notebook a path is relative to where one stands.
    taken = fields["inputs"].items()
    fields["inputs"] = {name: str(Path(path).expanduser().absolute()) for name, path in taken}
    need = {name: fields.pop(name) for name in Need.model_fields if name in fields}
    if need:
        fields["need"] = need
    fields["environment"] = environment(fields.pop("environment", ()), fields.pop("python", None))
    fields["files"] = list(fields["files"]) if fields.get("files") else None
    fields["outputs"] = list(fields.get("outputs", ()))
    return validated(CreateJob, fields)


def create_sweep(
    job: CreateJob, texts: Iterable[str], specs: Iterable[ParameterSpec] = ()
) -> CreateSweep:
    """Make the spec of a sweep from ``NAME=V1,V2`` texts."""
    grid = sweep_from_text(list(specs), pairs(texts, "sweep").items())
    return validated(CreateSweep, {"job": job, "grid": grid})
