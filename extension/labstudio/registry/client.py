"""MLflow's registry over its REST API: how it is asked, and how its answers are read."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

from labstudio.errors import NotFound
from labstudio.experiments.tracking import API
from labstudio.experiments.wire import moment, to_dict
from labstudio.registry.models import Model, ModelVersion, SourceRun

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labstudio.experiments.tracking import Tracking

MODELS = f"{API}/registered-models"
VERSIONS = f"{API}/model-versions"
LOGGED = f"{API}/logged-models"
PAGE = 200
# Who makes a change through the studio; the tracking server keeps it with the event.
USER_HEADER = "X-Labstudio-User"
# What the studio itself keeps in a version's tags; edited by its verbs, not by hand.
OWN_TAGS = "labstudio."


class RegistryClient:
    """The registry of a tracking server.

    Parameters
    ----------
    tracking
        The connection to it.
    """

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking

    def search(
        self, filter_string: str, order_by: str, limit: int, token: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of registered models, and where the next begins."""
        found = self._tracking.call(
            "GET",
            f"{MODELS}/search",
            filter=filter_string or None,
            order_by=order_by,
            max_results=limit,
            page_token=token,
        )
        return found.get("registered_models", []), found.get("next_page_token") or None

    def get(self, name: str) -> dict[str, Any]:
        """Return a registered model.

        Raises
        ------
        NotFound
            When there is none of that name.
        """
        try:
            found = self._tracking.call("GET", f"{MODELS}/get", name=name)
        except NotFound as error:
            raise NotFound(f"There is no model {name!r}.", model=name) from error
        return dict(found["registered_model"])

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Return all versions of a model, newest first."""
        wanted = f"name = {quoted(name)}"
        return list(self._all_versions(wanted, "version_number DESC"))

    def versions_of_run(self, run_id: str) -> list[dict[str, Any]]:
        """Return the versions that were registered from a run."""
        return list(self._all_versions(f"run_id = {quoted(run_id)}", "version_number DESC"))

    def version(self, name: str, version: int) -> dict[str, Any]:
        """Return one version.

        Raises
        ------
        NotFound
            When there is none.
        """
        try:
            found = self._tracking.call("GET", f"{VERSIONS}/get", name=name, version=str(version))
        except NotFound as error:
            message = f"The model {name!r} has no version {version}."
            raise NotFound(message, model=name, version=version) from error
        return dict(found["model_version"])

    def by_alias(self, name: str, alias: str) -> int | None:
        """Return the version that an alias names; None when it names none."""
        return read_model(self.get(name)).aliases.get(alias)

    def aliases(self, name: str) -> dict[str, int]:
        """Return which version each alias of a model names; none for a model that is gone."""
        try:
            return read_model(self.get(name)).aliases
        except NotFound:
            return {}

    def logged_model(self, model_id: str) -> dict[str, Any]:
        """Return a logged model (``m-...``)."""
        return dict(self._tracking.call("GET", f"{LOGGED}/{model_id}")["model"])

    def logged_models(self, experiment_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the logged models of a run."""
        found = self._tracking.call(
            "POST",
            f"{LOGGED}/search",
            experiment_ids=[experiment_id],
            filter=f"source_run_id = {quoted(run_id)}",
            max_results=50,
        )
        return list(found.get("models", []))

    def write(
        self, method: str, path: str, user: str | None = None, /, **values: Any
    ) -> dict[str, Any]:
        """Send what changes something; the user goes with it."""
        given = {name: value for name, value in values.items() if value is not None}
        headers = {USER_HEADER: user.encode("ascii", "backslashreplace").decode()} if user else {}
        answer = self._tracking.send(method, path, json=given, headers=headers)
        return dict(answer.json() or {})

    def file(self, name: str, version: int, path: str) -> bytes:
        """Return a file of a version's model."""
        asked = {"name": name, "version": str(version), "path": path}
        return self._tracking.send("GET", "/model-versions/get-artifact", params=asked).content

    def run_file(self, run_id: str, path: str) -> bytes:
        """Return an artifact of a run."""
        asked = {"run_uuid": run_id, "path": path}
        return self._tracking.send("GET", "/get-artifact", params=asked).content

    def run_files(self, run_id: str, path: str = "") -> list[dict[str, Any]]:
        """Return what lies directly below a path of a run's artifacts: path, is_dir, file_size."""
        asked = {"run_id": run_id, **({"path": path} if path else {})}
        return list(self._tracking.call("GET", f"{API}/artifacts/list", **asked).get("files", []))

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run as MLflow gives it, its datasets too."""
        return dict(self._tracking.call("GET", f"{API}/runs/get", run_id=run_id)["run"])

    def experiment_name(self, experiment_id: str) -> str | None:
        """Return an experiment's name; None when it is gone."""
        try:
            found = self._tracking.call(
                "GET", f"{API}/experiments/get", experiment_id=experiment_id
            )
        except NotFound:
            return None
        return str(found["experiment"]["name"])

    def _all_versions(self, wanted: str, order_by: str) -> Iterator[dict[str, Any]]:
        token: str | None = None
        while True:
            found = self._tracking.call(
                "GET",
                f"{VERSIONS}/search",
                filter=wanted,
                order_by=order_by,
                max_results=PAGE,
                page_token=token,
            )
            yield from found.get("model_versions", [])
            token = found.get("next_page_token") or None
            if token is None:
                return


def quoted(text: str) -> str:
    """Return text as MLflow's filter language quotes it; it has no escape."""
    quote = '"' if "'" in text else "'"
    return f"{quote}{text.replace(quote, '')}{quote}"


def read_model(content: Mapping[str, Any]) -> Model:
    """Return a registered model of MLflow's JSON."""
    latest = [int(each["version"]) for each in content.get("latest_versions", [])]
    created = content.get("creation_timestamp", 0)
    return Model(
        name=content["name"],
        description=content.get("description") or "",
        tags=to_dict(content.get("tags", [])),
        aliases={each["alias"]: int(each["version"]) for each in content.get("aliases", [])},
        latest_version=max(latest, default=None),
        created_at=moment(created),
        updated_at=moment(content.get("last_updated_timestamp") or created),
    )


def read_version(content: Mapping[str, Any], aliases: Mapping[str, int]) -> ModelVersion:
    """Return a version of MLflow's JSON; the aliases are its model's."""
    version = int(content["version"])
    tags = to_dict(content.get("tags", []))
    created = content.get("creation_timestamp", 0)
    source = content.get("source") or ""
    return ModelVersion(
        model=content["name"],
        version=version,
        description=content.get("description") or "",
        tags={key: value for key, value in tags.items() if not key.startswith(OWN_TAGS)},
        aliases=sorted(alias for alias, named in aliases.items() if named == version),
        source=source,
        run_id=content.get("run_id") or None,
        model_id=content.get("model_id") or logged_id(source),
        status=content.get("status", "READY"),
        status_message=content.get("status_message") or "",
        user=content.get("user_id") or None,
        created_at=moment(created),
        updated_at=moment(content.get("last_updated_timestamp") or created),
    )


def logged_id(source: str) -> str | None:
    """Return the logged model that a version was made from; None when it was made from files."""
    name = source.removeprefix("models:/")
    return name if name != source and name.startswith("m-") else None


def read_source_run(content: Mapping[str, Any], experiment: str | None) -> SourceRun:
    """Return what is said of the run that made a version."""
    info, data = content["info"], content.get("data", {})
    tags = to_dict(data.get("tags", []))
    cell = tags.get("labstudio.cell", "")
    ended = info.get("end_time")
    return SourceRun(
        id=info["run_id"],
        name=info.get("run_name") or tags.get("mlflow.runName") or info["run_id"],
        experiment_id=info["experiment_id"],
        experiment=experiment,
        status=info.get("status", "FINISHED"),
        lifecycle=info.get("lifecycle_stage", "active"),
        user=tags.get("mlflow.user") or info.get("user_id") or None,
        started_at=moment(info.get("start_time") or 0),
        ended_at=moment(ended) if ended else None,
        params=to_dict(data.get("params", [])),
        metrics={each["key"]: finite(each["value"]) for each in data.get("metrics", [])},
        tags={key: value for key, value in tags.items() if not key.startswith("mlflow.")},
        notebook=tags.get("labstudio.notebook"),
        cell=int(cell) if cell.isdigit() else None,
        job_id=tags.get("labstudio.job_id"),
    )


def finite(value: Any) -> float | None:
    """Return a metric's value; None for NaN and infinities, which MLflow keeps as the largest."""
    number = float(value)
    return number if math.isfinite(number) and abs(number) < sys.float_info.max else None
