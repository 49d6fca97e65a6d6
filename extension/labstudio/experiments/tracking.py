"""A lean client of the studio's MLflow tracking server: no import of MLflow, which takes seconds.

It speaks MLflow's REST API, and keeps its limits so that a caller need not know them: long values
are shortened, batches are split, and what MLflow cannot store is left out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from labstudio.errors import Conflict, InvalidInput, NotFound, Unavailable
from labstudio.experiments.connection import Client
from labstudio.experiments.thin import thin
from labstudio.experiments.wire import (
    KEY_LIMIT,
    METRICS_PER_BATCH,
    PARAM_LIMIT,
    PARAMS_PER_BATCH,
    TAG_LIMIT,
    Metric,
    Run,
    batched,
    clean_key,
    clean_path,
    dump,
    json_number,
    millis,
    pairs,
    point,
    read_exactly,
    read_metric,
    read_run,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from labstudio.home import Home
    from labstudio.jobs.left import MetricPoint

RunStatus = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]

HISTORY_LIMIT = 25_000
SAMPLED_LIMIT = 2500

API = "/api/2.0/mlflow"
AJAX = "/ajax-api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
PROXIED = "mlflow-artifacts:/"

# MLflow names its own metrics of the machine so; the studio draws those from its own samples.
SYSTEM_PREFIX = "system/"


class Tracking(Client):
    """The tracking server of a home; safe to use from several threads.

    Parameters
    ----------
    home
        Its ``tracking.json`` is read on first use, and again when the server has moved.
    timeout_s
        How long one request may take. While the server starts, requests wait for it.
    """

    def __init__(self, home: Home, timeout_s: float = 30.0) -> None:
        super().__init__(home, timeout_s)
        self._experiments: dict[str, str] = {}

    def ensure_experiment(self, name: str) -> str:
        """Return the id of the experiment of that name, made or restored when need be."""
        if known := self._experiments.get(name):
            return known
        # Someone else may create it between looking and creating: then look again.
        for _ in range(3):
            try:
                found = self.call("GET", f"{API}/experiments/get-by-name", experiment_name=name)
            except NotFound:
                try:
                    made = self.call("POST", f"{API}/experiments/create", name=name)
                except Conflict:
                    continue
                experiment_id = str(made["experiment_id"])
            else:
                experiment_id = str(found["experiment"]["experiment_id"])
                if found["experiment"].get("lifecycle_stage") == "deleted":
                    self.call("POST", f"{API}/experiments/restore", experiment_id=experiment_id)
            self._experiments[name] = experiment_id
            return experiment_id
        raise Unavailable(f"The experiment {name!r} can be neither found nor created.")

    def create_run(
        self,
        experiment_id: str,
        name: str,
        *,
        tags: Mapping[str, str] | None = None,
        start_time: datetime | None = None,
        user: str | None = None,
    ) -> str:
        """Create a run and return its id."""
        all_tags = {**(tags or {}), **({"mlflow.user": user} if user else {})}
        try:
            made = self.call(
                "POST",
                f"{API}/runs/create",
                experiment_id=experiment_id,
                run_name=name[:KEY_LIMIT],
                start_time=millis(start_time or datetime.now(UTC)),
                user_id=user,
                tags=pairs(all_tags, TAG_LIMIT),
            )
        except (NotFound, InvalidInput):
            # The experiment may have been deleted since its id was remembered.
            self._experiments = {k: v for k, v in self._experiments.items() if v != experiment_id}
            raise
        return str(made["run"]["info"]["run_id"])

    def find_run(self, experiment_id: str, tag: str, value: str) -> str | None:
        """Return the id of the newest run of an experiment with that tag, if there is one."""
        quoted = value.replace("'", "")
        found = self.call(
            "POST",
            f"{API}/runs/search",
            experiment_ids=[experiment_id],
            filter=f"tags.`{tag}` = '{quoted}'",
            max_results=1,
        )
        runs = found.get("runs", [])
        return str(runs[0]["info"]["run_id"]) if runs else None

    def get_run(self, run_id: str) -> Run:
        """Return a run with its newest metrics."""
        return read_run(self.call("GET", f"{API}/runs/get", run_id=run_id)["run"])

    def log_params(self, run_id: str, params: Mapping[str, object]) -> None:
        """Log parameters; logging the same ones again changes nothing.

        Raises
        ------
        InvalidInput
            When a parameter was logged before with another value.
        """
        texts = {
            key: value if isinstance(value, str) else dump(value) for key, value in params.items()
        }
        for batch in batched(pairs(texts, PARAM_LIMIT), PARAMS_PER_BATCH):
            self.call("POST", f"{API}/runs/log-batch", run_id=run_id, params=batch)

    def log_batch(self, run_id: str, metrics: Iterable[Metric]) -> None:
        """Log metrics; NaN and infinities are kept as MLflow keeps them."""
        entries = (
            {
                "key": clean_key(metric.key),
                "value": json_number(metric.value),
                "timestamp": millis(metric.timestamp),
                "step": metric.step,
            }
            for metric in metrics
        )
        for batch in batched(entries, METRICS_PER_BATCH):
            self.call("POST", f"{API}/runs/log-batch", run_id=run_id, metrics=batch)

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set tags; what was there under the same names is replaced."""
        for batch in batched(pairs(tags, TAG_LIMIT), PARAMS_PER_BATCH):
            self.call("POST", f"{API}/runs/log-batch", run_id=run_id, tags=batch)

    def delete_tag(self, run_id: str, tag: str) -> None:
        """Delete a tag; nothing happens when the run has none of that name."""
        try:
            self.call("POST", f"{API}/runs/delete-tag", run_id=run_id, key=clean_key(tag))
        except NotFound:
            return

    def set_status(self, run_id: str, status: RunStatus, end_time: datetime | None = None) -> None:
        """Set a run's status, and when it ended."""
        end = millis(end_time) if end_time else None
        self.call("POST", f"{API}/runs/update", run_id=run_id, status=status, end_time=end)

    def end_run(
        self,
        run_id: str,
        status: Literal["FINISHED", "FAILED", "KILLED"],
        end_time: datetime | None = None,
    ) -> None:
        """End a run; ending it again sets the newer status and time."""
        self.set_status(run_id, status, end_time or datetime.now(UTC))

    def delete_run(self, run_id: str) -> None:
        """Delete a run as MLflow does: it can be restored in its user interface."""
        self.call("POST", f"{API}/runs/delete", run_id=run_id)

    def metric_histories(
        self, run_id: str, points: int = 1000, *, system: bool = False
    ) -> dict[str, list[MetricPoint]]:
        """Return the values of every metric of a run, in order.

        Parameters
        ----------
        run_id
            The run.
        points
            The most points of one metric; more are thinned, extremes and the last value kept.
        system
            Whether metrics of the machine (``system/...``) are wanted too.
        """
        run = self.get_run(run_id)
        return {
            key: thin(self._history(run_id, latest), points)
            for key, latest in sorted(run.metrics.items())
            if system or not key.startswith(SYSTEM_PREFIX)
        }

    def upload_artifact(self, run_id: str, path: str, file: Path) -> None:
        """Upload a file as an artifact of a run, streamed; an older one of that path is replaced.

        Parameters
        ----------
        run_id
            The run.
        path
            The artifact's path with ``/``, such as ``job/log.txt``. Characters that MLflow does not
            allow in paths become ``_``.
        file
            What to upload.
        """
        address = f"{self.artifact_root(run_id)}/{quote(clean_path(path))}"
        length = file.stat().st_size
        with file.open("rb") as content:
            # A log may still grow: send as many bytes as were promised.
            body = read_exactly(content, length)
            headers = {"Content-Length": str(length), "Content-Type": "application/octet-stream"}
            self.send("PUT", address, content=body, headers=headers, timeout=None)

    def delete_artifacts(self, run_id: str, path: str) -> None:
        """Delete an artifact, or all below a path; nothing happens when there is none."""
        try:
            self.send("DELETE", f"{self.artifact_root(run_id)}/{quote(clean_path(path))}")
        except NotFound:
            return

    def artifact_root(self, run_id: str) -> str:
        """Return the address below which a run's artifacts are.

        Raises
        ------
        Conflict
            When they are kept elsewhere.
        """
        uri = self.get_run(run_id).artifact_uri
        if not uri.startswith(PROXIED):
            raise Conflict(f"The artifacts of run {run_id} are not kept by the tracking server.")
        return f"{ARTIFACTS}/{quote(uri.removeprefix(PROXIED).lstrip('/'))}"

    def _history(self, run_id: str, latest: Metric) -> list[MetricPoint]:
        """Return a metric's values, all of them unless there are more than MLflow gives at once."""
        key = latest.key
        asked: dict[str, Any] = {"run_id": run_id, "metric_key": key, "max_results": HISTORY_LIMIT}
        found = self.call("GET", f"{AJAX}/metrics/get-history-bulk", **asked)["metrics"]
        if len(found) >= HISTORY_LIMIT:
            # That was only the beginning; MLflow samples long histories evenly over their steps.
            asked = {"run_ids": run_id, "metric_key": key, "max_results": SAMPLED_LIMIT}
            found = self.call("GET", f"{AJAX}/metrics/get-history-bulk-interval", **asked)[
                "metrics"
            ]
        values = [read_metric(each) for each in found]
        if latest not in values[-1:]:
            values.append(latest)
        values.sort(key=lambda value: (value.step, value.timestamp))
        return [point(value) for value in values]
