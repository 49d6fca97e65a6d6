"""The ways to an MLflow server that a sender knows: its REST API, or MLflow's own client."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, cast

from labstudio.capture import artifacts
from labstudio.errors import InvalidInput, StudioError, Unavailable
from labstudio.experiments.connection import Connection
from labstudio.experiments.tracking import Tracking
from labstudio.experiments.wire import Metric, moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from labstudio.experiments.tracking import RunStatus
    from labstudio.home import Home

Record = dict[str, Any]
# MLflow answers with these while it, or its database, is busy or away.
_PASSING = {"TEMPORARILY_UNAVAILABLE", "INTERNAL_ERROR", "REQUEST_LIMIT_EXCEEDED"}

_COLUMN_TYPES = (
    ("int64", "long"), ("uint", "long"), ("int", "integer"), ("float32", "float"),
    ("float", "double"), ("double", "double"), ("bool", "boolean"), ("date", "datetime"),
    ("timestamp", "datetime"),
)  # fmt: skip


class Wire(Protocol):
    """What a sender can do."""

    def metrics(self, run_id: str, records: Sequence[Record]) -> None:
        """Log the metrics of several steps of one run."""

    def params(self, run_id: str, values: Mapping[str, str]) -> None:
        """Log parameters."""

    def tags(self, run_id: str, values: Mapping[str, str]) -> None:
        """Set tags."""

    def inputs(self, run_id: str, datasets: Sequence[Record]) -> None:
        """Log datasets."""

    def artifact(self, run_id: str, path: str, file: Path) -> None:
        """Upload a file."""

    def end(self, run_id: str, status: RunStatus, at_ms: int) -> None:
        """End a run."""


class RestTracking(Tracking):
    """Any MLflow server over REST, with the token of the environment."""

    def __init__(self, uri: str) -> None:
        super().__init__(cast("Home", None))
        self._address = Connection(uri.rstrip("/"), os.environ.get("MLFLOW_TRACKING_TOKEN", ""))

    def _where(self) -> Connection:
        return self._address


class RestWire:
    """REST, without MLflow.

    Parameters
    ----------
    tracking
        The client.
    """

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking

    def metrics(self, run_id: str, records: Sequence[Record]) -> None:
        """Log the metrics of several steps of one run."""
        self._tracking.log_batch(
            run_id,
            [
                Metric(key, float(value), moment(record["t"]), record["s"])
                for record in records
                for key, value in record["m"].items()
            ],
        )

    def params(self, run_id: str, values: Mapping[str, str]) -> None:
        """Log parameters."""
        self._tracking.log_params(run_id, values)

    def tags(self, run_id: str, values: Mapping[str, str]) -> None:
        """Set tags."""
        self._tracking.set_tags(run_id, values)

    def inputs(self, run_id: str, datasets: Sequence[Record]) -> None:
        """Log datasets."""
        artifacts.log_inputs(self._tracking, run_id, list(datasets))

    def artifact(self, run_id: str, path: str, file: Path) -> None:
        """Upload a file."""
        self._tracking.upload_artifact(run_id, path, file)

    def end(self, run_id: str, status: RunStatus, at_ms: int) -> None:
        """End a run."""
        self._tracking.set_status(run_id, status, moment(at_ms))


class ClientWire:
    """MLflow's own client: a server that keeps artifacts elsewhere, a database, a hosted service.

    Parameters
    ----------
    uri
        The server, as MLflow names it.
    """

    def __init__(self, uri: str) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=uri)

    def metrics(self, run_id: str, records: Sequence[Record]) -> None:
        """Log the metrics of several steps of one run."""
        from mlflow.entities import Metric as Entry

        values = [
            Entry(key, float(value), record["t"], record["s"])
            for record in records
            for key, value in record["m"].items()
        ]
        self._ask(lambda: self._client.log_batch(run_id, metrics=values))

    def params(self, run_id: str, values: Mapping[str, str]) -> None:
        """Log parameters."""
        from mlflow.entities import Param

        entries = [Param(name, str(value)) for name, value in values.items()]
        self._ask(lambda: self._client.log_batch(run_id, params=entries))

    def tags(self, run_id: str, values: Mapping[str, str]) -> None:
        """Set tags."""
        from mlflow.entities import RunTag

        entries = [RunTag(name, value) for name, value in values.items()]
        self._ask(lambda: self._client.log_batch(run_id, tags=entries))

    def inputs(self, run_id: str, datasets: Sequence[Record]) -> None:
        """Log datasets."""
        from mlflow.entities import Dataset, DatasetInput

        entries = [DatasetInput(Dataset(**each), tags=[]) for each in datasets]
        self._ask(lambda: self._client.log_inputs(run_id, datasets=entries))

    def artifact(self, run_id: str, path: str, file: Path) -> None:
        """Upload a file."""
        named = file.with_name(path.rpartition("/")[2])
        file.rename(named)
        try:
            folder = path.rpartition("/")[0]
            self._ask(lambda: self._client.log_artifact(run_id, str(named), folder or None))
        finally:
            named.rename(file)

    def end(self, run_id: str, status: RunStatus, at_ms: int) -> None:
        """End a run."""
        self._ask(lambda: self._client.set_terminated(run_id, status, at_ms))

    def _ask(self, action: Any) -> None:
        from mlflow.exceptions import MlflowException

        try:
            action()
        except MlflowException as error:
            if error.error_code in _PASSING:
                raise Unavailable(str(error)) from error
            raise InvalidInput(str(error), field="tracking") from error
        except OSError as error:
            raise Unavailable(str(error)) from error


class MixedWire(RestWire):
    """REST for what is small, MLflow's client for artifacts that the server does not keep itself.

    Parameters
    ----------
    uri
        The server.
    """

    def __init__(self, uri: str) -> None:
        super().__init__(RestTracking(uri))
        self._uri = uri
        self._client: ClientWire | None = None

    def artifact(self, run_id: str, path: str, file: Path) -> None:
        """Upload a file."""
        try:
            super().artifact(run_id, path, file)
        except Unavailable:
            raise
        except StudioError:
            self._client = self._client or ClientWire(self._uri)
            self._client.artifact(run_id, path, file)


def wire_to(uri: str, home: str | None) -> Wire:
    """Return the way to a server: the studio's own, another over HTTP, or whatever MLflow knows."""
    if home is not None:
        from labstudio.home import Home

        return RestWire(Tracking(Home(home)))
    plain = uri.startswith(("http://", "https://"))
    # Elsewhere there may be MLflow alone, without what the studio itself speaks HTTP with.
    if plain and not os.environ.get("MLFLOW_TRACKING_USERNAME") and find_spec("httpx"):
        return MixedWire(uri)
    return ClientWire(uri)


def dataset(found: Mapping[str, Any]) -> Record:
    """Return a print of data as MLflow's dataset input."""
    types = found.get("schema") or {}
    columns = [
        {"name": name, "type": column_type(kind), "required": False} for name, kind in types.items()
    ]
    profile = {key: found.get(key) for key in ("sha256", "rows", "columns", "size_bytes")}
    entry = {
        "name": found["name"][:500],
        "digest": found["sha256"][:32],
        "source_type": "local" if found.get("path") else "code",
        "source": json.dumps({"uri": found.get("path") or found.get("reader")}),
        "profile": json.dumps(profile),
    }
    schema = json.dumps({"mlflow_colspec": columns})
    return entry | ({"schema": schema} if columns and len(schema) < 60_000 else {})


def column_type(dtype: str) -> str:
    """Return MLflow's name of a column's type."""
    kind = dtype.lower()
    for start, name in _COLUMN_TYPES:
        if kind.startswith(start):
            return name
    return "string"


def now_ms() -> int:
    """Return this moment as MLflow counts it."""
    return round(datetime.now(UTC).timestamp() * 1000)
