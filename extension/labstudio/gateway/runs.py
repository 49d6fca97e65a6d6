"""What of MLflow a job's token reaches: its own runs, and what training needs beside them.

Own are the job's run and the runs that its code makes in the same experiment; the gateway marks
those with the job's id. The code may write to them, read them, search among them, keep artifacts
and models in them, and register such a model as a new version. It may read a registered model that
it names. It may not list, read or change other runs and experiments, and delete nothing.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import httpx

from labstudio.errors import Forbidden, InvalidInput, NotFound
from labstudio.experiments.connection import authorization, connection
from labstudio.experiments.recorder import JOB_TAG

if TYPE_CHECKING:
    from collections.abc import Callable

    from labstudio._studio import Studio
    from labstudio.jobs.models import Job

Query = list[tuple[str, str]]
Body = dict[str, Any]

_API = re.compile(r"api/[23]\.0/mlflow/(?P<verb>.+)")
_ARTIFACTS = "api/2.0/mlflow-artifacts/artifacts"
_MODELS = re.compile(r"logged-models/(?P<id>[\w-]+)(?P<rest>/.*)?")
_MODEL_URI = re.compile(r"models:/(?P<id>m-[\w-]+)(/.*)?")
_RUN_URI = re.compile(r"runs:/(?P<id>\w+)(/.*)?")
_STORED_URI = re.compile(r"mlflow-artifacts:/+(?P<path>.+)")
_VERSIONS_TAG = "mlflow.modelVersions"

_ANYBODY = {"health", "version", "api/3.0/mlflow/server-info"}
_RUN_WRITES = {
    "runs/update",
    "runs/log-metric",
    "runs/log-parameter",
    "runs/set-tag",
    "runs/delete-tag",
    "runs/log-batch",
    "runs/log-model",
    "runs/log-inputs",
    "runs/outputs",
}
_RUN_READS = {"runs/get", "metrics/get-history", "metrics/get-history-bulk", "artifacts/list"}
_REGISTRY_READS = {
    "registered-models/get",
    "registered-models/alias",
    "registered-models/get-latest-versions",
    "model-versions/get",
    "model-versions/get-download-uri",
}
_REFUSED = "A job's token reaches the job's own MLflow runs only; this is none of them."


class OwnRuns:
    """Judges what the code of jobs asks of MLflow.

    Parameters
    ----------
    studio
        The studio whose jobs and runs they are.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._experiments: dict[str, str] = {}
        self._own: set[tuple[str, str]] = set()
        self._client = httpx.Client(timeout=30.0, trust_env=False)

    def streams(self, path: str) -> bool:
        """Say whether a path takes or gives artifacts, whose body need not be judged."""
        return path.startswith(_ARTIFACTS)

    def judge(self, job: Job, method: str, path: str, content: bytes) -> bytes:
        """Return the body to pass on instead of what came.

        Raises
        ------
        Forbidden
            When a job's code may not ask for this.
        """
        told = _API.fullmatch(path)
        if told is None or job.run_id is None:
            raise Forbidden(_REFUSED)
        return json.dumps(self._write(job, method, told["verb"], _parsed(content))).encode()

    def judge_reading(self, job: Job, path: str, query: Query) -> None:
        """Refuse to read what a job's code may not."""
        if path in _ANYBODY:
            return
        told = _API.fullmatch(path)
        if told is None or job.run_id is None:
            raise Forbidden(_REFUSED)
        self._read(job, told["verb"], _single(query))

    def judge_artifacts(self, job: Job, method: str, path: str, query: Query) -> None:
        """Refuse artifacts that a job's code may not read or write."""
        if method not in ("GET", "HEAD", "PUT"):
            raise Forbidden("A job's token deletes nothing.")
        if job.run_id is None:
            raise Forbidden(_REFUSED)
        place = path.removeprefix(_ARTIFACTS).lstrip("/") or _single(query).get("path", "")
        self._stored(job, place, write=method == "PUT")

    # -- reading

    def _read(self, job: Job, verb: str, values: dict[str, str]) -> None:
        if verb in _RUN_READS:
            self._must_own(job, values)
        elif verb == "experiments/get":
            self._own_experiment(job, values.get("experiment_id"))
        elif verb == "experiments/get-by-name":
            self._named_experiment(job, values.get("experiment_name", ""))
        elif model := _MODELS.fullmatch(verb):
            self._readable_model(job, model["id"])
        elif verb not in _REGISTRY_READS:
            raise Forbidden(_REFUSED)

    # -- writing

    def _write(self, job: Job, method: str, verb: str, body: Body) -> Body:
        if verb in _RUN_WRITES:
            self._must_own(job, body)
            for tag in [body, *(body.get("tags") or [])]:
                if isinstance(tag, dict) and str(tag.get("key", "")) == JOB_TAG:
                    raise Forbidden(f"The tag {JOB_TAG} says whose a run is; the studio sets it.")
            return body
        if model := _MODELS.fullmatch(verb):
            if verb == "logged-models/search":
                return self._search_models(job, body)
            if method not in ("POST", "PATCH"):
                raise Forbidden(_REFUSED)
            self._own_model(job, model["id"])
            return body
        known: dict[str, Callable[[Job, Body], Body]] = {
            "runs/create": self._create_run,
            "runs/search": self._search_runs,
            "logged-models": self._create_model,
            "registered-models/create": lambda _job, body: body,
            "registered-models/get-latest-versions": lambda _job, body: body,
            "model-versions/create": self._create_version,
        }
        if method != "POST" or verb not in known:
            raise Forbidden(_REFUSED)
        return known[verb](job, body)

    def _create_run(self, job: Job, body: Body) -> Body:
        self._own_experiment(job, body.get("experiment_id"))
        tags = body.get("tags") or []
        kept = [tag for tag in tags if isinstance(tag, dict) and tag.get("key") != JOB_TAG]
        return body | {"tags": [*kept, {"key": JOB_TAG, "value": job.id}]}

    def _search_runs(self, job: Job, body: Body) -> Body:
        """Let the code search, among its own runs."""
        for each in body.get("experiment_ids") or [None]:
            self._own_experiment(job, each)
        # First, so that nothing in the given filter can undo it: MLflow only knows AND.
        own = f"tags.`{JOB_TAG}` = '{job.id}'"
        given = body.get("filter")
        return body | {"filter": f"{own} AND {given}" if given else own}

    def _create_model(self, job: Job, body: Body) -> Body:
        self._own_experiment(job, body.get("experiment_id"))
        self._must_own(job, {"run_id": body.get("source_run_id")})
        return body

    def _search_models(self, job: Job, body: Body) -> Body:
        for each in body.get("experiment_ids") or [None]:
            self._own_experiment(job, each)
        own = f"source_run_id = '{job.run_id}'"
        given = body.get("filter")
        return body | {"filter": f"{own} AND {given}" if given else own}

    def _create_version(self, job: Job, body: Body) -> Body:
        """Let the code register a model that it made."""
        if (run_id := body.get("run_id")) is not None:
            self._must_own(job, {"run_id": run_id})
        if (model_id := body.get("model_id")) is not None:
            self._own_model(job, str(model_id))
        source = str(body.get("source", ""))
        if found := _MODEL_URI.fullmatch(source):
            self._own_model(job, found["id"])
        elif found := _RUN_URI.fullmatch(source):
            self._must_own(job, {"run_id": found["id"]})
        elif found := _STORED_URI.fullmatch(source):
            self._stored(job, found["path"], write=True)
        else:
            raise Forbidden("A job registers models that it logged itself; this source is none.")
        return body

    # -- artifacts

    def _stored(self, job: Job, place: str, *, write: bool) -> None:
        """Refuse a place in the artifact store that is not of an own run or model."""
        parts = place.split("/")
        if len(parts) < 3 or any(part in ("", ".", "..") for part in parts):
            raise Forbidden(_REFUSED)
        experiment, owner = parts[0], parts[1]
        if owner == "models":
            check = self._own_model if write else self._readable_model
            check(job, parts[2])
        elif write or not self._registered_run(owner):
            self._own_experiment(job, experiment)
            self._must_own(job, {"run_id": owner})

    # -- what is own

    def _own_experiment(self, job: Job, experiment_id: object) -> None:
        if str(experiment_id) != self._experiment(job):
            raise Forbidden(
                "A job's token reaches the experiment of its own run only; submit the job with "
                "experiment=NAME for another."
            )

    def _named_experiment(self, job: Job, name: str) -> None:
        found = self._get("experiments/get", experiment_id=self._experiment(job))
        if name != found["experiment"]["name"]:
            self._own_experiment(job, None)

    def _experiment(self, job: Job) -> str:
        assert job.run_id is not None
        if job.id not in self._experiments:
            run = self._studio.tracking.get_run(job.run_id)
            self._experiments[job.id] = run.experiment_id
        return self._experiments[job.id]

    def _must_own(self, job: Job, values: Body) -> None:
        """Refuse unless every run that is named is the job's."""
        named = [values[key] for key in ("run_id", "run_uuid") if values.get(key)]
        if not named:
            raise Forbidden(_REFUSED)
        for run_id in named:
            if run_id == job.run_id or (job.id, run_id) in self._own:
                continue
            try:
                run = self._studio.tracking.get_run(str(run_id))
            except (NotFound, InvalidInput):
                raise Forbidden(_REFUSED) from None
            if run.tags.get(JOB_TAG) != job.id:
                raise Forbidden(_REFUSED)
            self._own.add((job.id, str(run_id)))

    def _own_model(self, job: Job, model_id: str) -> None:
        self._must_own(job, {"run_id": self._model(model_id)["info"].get("source_run_id")})

    def _readable_model(self, job: Job, model_id: str) -> None:
        """Refuse a model that is neither the job's nor registered."""
        tags = self._model(model_id)["info"].get("tags", [])
        if not any(tag.get("key") == _VERSIONS_TAG for tag in tags):
            self._own_model(job, model_id)

    def _model(self, model_id: str) -> Any:
        return self._get(f"logged-models/{model_id}")["model"]

    def _registered_run(self, run_id: str) -> bool:
        if not run_id.isalnum():
            return False
        found = self._get("model-versions/search", filter=f"run_id='{run_id}'", max_results="1")
        return bool(found.get("model_versions"))

    def _get(self, verb: str, **values: str) -> Any:
        where = connection(self._studio.home)
        answer = self._client.get(
            f"{where.url}/api/2.0/mlflow/{verb}", params=values, headers=authorization(where)
        )
        if answer.is_error:
            raise Forbidden(_REFUSED)
        return answer.json()


def _single(query: Query) -> dict[str, str]:
    """Return a query's values; of a name given twice, who reads it next might take the other."""
    values = dict(query)
    if len(values) != len(query):
        raise Forbidden(_REFUSED)
    return values


def _parsed(body: bytes) -> Body:
    """Return the body's object; MLflow also takes names in camel case, which are not judged."""
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        raise InvalidInput("The body is not JSON.", field="body") from None
    if not isinstance(found, dict) or any(name != name.lower() for name in found):
        raise Forbidden(_REFUSED)
    return found
