"""From a run to the registry: which models a run left, and how one becomes a version."""

from __future__ import annotations

import contextlib
import json
import posixpath
from typing import TYPE_CHECKING, Any

from labstudio.errors import Conflict, InvalidInput, NotFound, StudioError
from labstudio.experiments.wire import moment, pairs, to_dict
from labstudio.registry.client import MODELS, VERSIONS, logged_id
from labstudio.registry.mlmodel import MLMODEL
from labstudio.registry.models import RegisterModel, Registrable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labstudio.registry.client import RegistryClient

HISTORY_TAG = "mlflow.log-model.history"
DEPTH = 3
TAG_LIMIT = 5000


def registrable(client: RegistryClient, run_id: str) -> list[Registrable]:
    """Return the models that a run left: logged models, and model folders among its artifacts.

    Raises
    ------
    NotFound
        When there is no such run.
    """
    run = found_run(client, run_id)
    taken = [
        (each.get("source") or "", f"{each['name']}/{each['version']}")
        for each in client.versions_of_run(run_id)
    ]
    models = [
        Registrable(
            name=each["info"].get("name") or each["info"]["model_id"],
            path=None,
            model_id=each["info"]["model_id"],
            created_at=moment(each["info"]["creation_timestamp_ms"]),
            registered=[
                name for source, name in taken if logged_id(source) == each["info"]["model_id"]
            ],
        )
        for each in client.logged_models(run["info"]["experiment_id"], run_id)
    ]
    root = run["info"]["artifact_uri"]
    for path in sorted(set(folders(client, run_id)) | set(remembered(run))):
        uri = f"{root}/{path}"
        names = [name for source, name in taken if source.rstrip("/") == uri]
        models.append(Registrable(name=path, path=path, model_id=None, registered=names))
    return models


def register(client: RegistryClient, request: RegisterModel, user: str) -> int:
    """Make a version of a model; the model is made when there is none of that name.

    Returns
    -------
    int
        The version.

    Raises
    ------
    InvalidInput
        When it is not clear which model of the run is meant, or the name cannot be used.
    NotFound
        When there is no such run or model.
    """
    check_name(request.name)
    source, run_id, model_id = meant(client, request)
    made = ensure_model(client, request.name, user)
    try:
        version = client.write(
            "POST",
            f"{VERSIONS}/create",
            user,
            name=request.name,
            source=source,
            run_id=run_id,
            model_id=model_id,
            description=request.description or None,
            tags=pairs(request.tags, TAG_LIMIT),
        )
    except StudioError:
        if made:
            with contextlib.suppress(StudioError):
                client.write("DELETE", f"{MODELS}/delete", user, name=request.name)
        raise
    return int(version["model_version"]["version"])


def meant(client: RegistryClient, request: RegisterModel) -> tuple[str, str | None, str | None]:
    """Return source, run and logged model of what is to be registered."""
    if request.model_id is not None:
        if request.path is not None:
            message = "Give either path or model_id: a logged model has no path in its run."
            raise InvalidInput(message, field="model_id")
        try:
            info = client.logged_model(request.model_id)["info"]
        except NotFound as error:
            message = f"There is no logged model {request.model_id!r}."
            raise NotFound(message, model_id=request.model_id) from error
        run_id = info.get("source_run_id") or None
        if request.run_id is not None and run_id != request.run_id:
            message = f"The logged model {request.model_id!r} is not of the run {request.run_id!r}."
            raise InvalidInput(message, field="run_id")
        return f"models:/{request.model_id}", run_id, request.model_id
    if request.run_id is None:
        raise InvalidInput("run_id is missing: which run's model?", field="run_id")
    found = registrable(client, request.run_id)
    if request.path is not None:
        path = request.path.strip("/")
        # MLflow 3 keeps a logged model beside the run; its name is what the path was before.
        found = [each for each in found if path in (each.path, each.name)]
    if not found:
        where = f" at {request.path!r}" if request.path else ""
        raise InvalidInput(f"The run has no model{where}.", field="path")
    if len(found) > 1:
        names = ", ".join(each.model_id or each.path or "" for each in found)
        raise InvalidInput(f"The run has several models: {names}. Say which.", field="path")
    one = found[0]
    if one.model_id is not None:
        return f"models:/{one.model_id}", request.run_id, one.model_id
    root = client.run(request.run_id)["info"]["artifact_uri"]
    return f"{root}/{one.path}", request.run_id, None


def ensure_model(client: RegistryClient, name: str, user: str) -> bool:
    """Make a registered model; tell whether it was not there."""
    try:
        client.get(name)
    except NotFound:
        try:
            client.write("POST", f"{MODELS}/create", user, name=name)
        except Conflict:
            return False
        return True
    return False


def found_run(client: RegistryClient, run_id: str) -> dict[str, Any]:
    """Return a run.

    Raises
    ------
    NotFound
        When there is none of that id.
    """
    try:
        return client.run(run_id)
    except (NotFound, InvalidInput) as error:
        raise NotFound(f"There is no run {run_id!r}.", run_id=run_id) from error


def folders(client: RegistryClient, run_id: str) -> Iterator[str]:
    """Return the folders among a run's artifacts that hold a model, not far below the top."""
    waiting = [("", 0)]
    while waiting:
        path, depth = waiting.pop()
        listed = client.run_files(run_id, path)
        if path and any(posixpath.basename(each["path"]) == MLMODEL for each in listed):
            yield path
        elif depth < DEPTH:
            # What the studio keeps with a run is no model.
            waiting += [
                (each["path"], depth + 1)
                for each in listed
                if each.get("is_dir") and each["path"] not in ("labstudio", "job", "clarify")
            ]


def remembered(run: dict[str, Any]) -> list[str]:
    """Return the folders that MLflow 2 noted in the run when it logged models."""
    tags = to_dict(run.get("data", {}).get("tags", []))
    try:
        history = json.loads(tags.get(HISTORY_TAG, "[]"))
    except ValueError:
        return []
    return [
        each["artifact_path"]
        for each in history
        if each.get("artifact_path") and not each.get("model_id")
    ]


def check_name(name: str) -> None:
    """Refuse what MLflow would not take as a model's name.

    Raises
    ------
    InvalidInput
        With what is wrong.
    """
    if "/" in name or ":" in name or not name.strip() or name in (".", ".."):
        raise InvalidInput("name cannot hold / or :, nor be empty.", field="name")
