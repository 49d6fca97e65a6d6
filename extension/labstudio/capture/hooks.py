"""What `%load_ext labstudio` does to MLflow, once the user's code imports it."""

from __future__ import annotations

import os
import sys
import time
import warnings
from functools import wraps
from typing import TYPE_CHECKING, Any

from labstudio.capture.context import CAPTURE_TAG
from labstudio.capture.inside.imports import OnImport

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from labstudio.capture.session import Session

# Libraries that MLflow logs by itself.
AUTOLOGGED = (
    "sklearn", "xgboost", "lightgbm", "torch", "pytorch_lightning", "lightning", "keras",
    "tensorflow", "statsmodels", "pyspark", "paddle",
)  # fmt: skip
IN_JOB = "_labstudio_kernel"


def install(session: Session, *, autolog: bool) -> None:
    """Wait for MLflow, for what it logs by itself, and for what reads data."""
    after: dict[str, Callable[[ModuleType], None]] = session.witness.wrappers()
    after["mlflow"] = lambda module: follow(session, module)
    before: dict[str, Callable[[], None]] = {"mlflow": lambda: lead(session)}
    if autolog and IN_JOB not in sys.modules:
        before |= {name: lambda: switch_on(session) for name in AUTOLOGGED}
    OnImport(after, before).install()


def lead(session: Session) -> None:
    """Lead MLflow to the studio's tracking server, unless it is led elsewhere."""
    # Addresses of the tracking server itself open nothing in a browser: it wants a token.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return
    try:
        import labstudio
        from labstudio.experiments.connection import connection

        studio = labstudio.studio()
        studio.keeper.ensure()
        where = connection(studio.home)
    except Exception as error:
        session.fail(error)
        return
    os.environ["MLFLOW_TRACKING_URI"] = where.url
    os.environ["MLFLOW_TRACKING_TOKEN"] = where.token
    if "MLFLOW_EXPERIMENT_NAME" not in os.environ and "MLFLOW_EXPERIMENT_ID" not in os.environ:
        os.environ["MLFLOW_EXPERIMENT_NAME"] = studio.config.experiment


def switch_on(session: Session) -> None:
    """Switch MLflow's autologging on, once."""
    if not session.autologging:
        session.autologging = True
        # MLflow itself may load such a library: then it is not whole yet, and `follow` comes.
        loading = getattr(sys.modules.get("mlflow"), "__spec__", None)
        if not getattr(loading, "_initializing", False):
            _autolog(session)


def _autolog(session: Session) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow

            mlflow.autolog(silent=True)
    except ImportError:
        return  # No MLflow in this environment: there is nothing to log to.
    except Exception as error:
        session.fail(error)


def follow(session: Session, mlflow: ModuleType) -> None:
    """Notice which runs MLflow makes and ends, and take over the logging of metrics."""
    try:
        from mlflow.tracking import fluent
        from mlflow.tracking._tracking_service.client import TrackingServiceClient

        _notice(session, TrackingServiceClient)
        for name in ("log_metric", "log_metrics"):
            quick = _quick(session, fluent, name)
            setattr(fluent, name, quick)
            setattr(mlflow, name, quick)
        if session.autologging:
            _autolog(session)
    except Exception as error:
        session.fail(error)


def _notice(session: Session, client: Any) -> None:
    """Wrap the one place in MLflow through which each run is made, ended and read."""
    create, end = client.create_run, client.set_terminated

    @wraps(create)
    def create_run(self: Any, *args: Any, **kwargs: Any) -> Any:
        run = create(self, *args, **kwargs)
        try:
            session.run_made(run.info.run_id, run.data.tags.get(CAPTURE_TAG))
        except Exception as error:
            session.fail(error)
        return run

    @wraps(end)
    def set_terminated(self: Any, run_id: str, *args: Any, **kwargs: Any) -> Any:
        _safely(session, session.run_ended, run_id)
        return end(self, run_id, *args, **kwargs)

    client.create_run, client.set_terminated = create_run, set_terminated
    for name in ("get_run", "get_metric_history"):
        setattr(client, name, _after_sync(session, getattr(client, name)))
    client.search_runs = _after_sync_of_all(session, client.search_runs)


def _after_sync(session: Session, read: Callable[..., Any]) -> Callable[..., Any]:
    """Let a reader see what was logged before."""

    @wraps(read)
    def look(self: Any, run_id: str, *args: Any, **kwargs: Any) -> Any:
        _safely(session, session.sync, run_id)
        return read(self, run_id, *args, **kwargs)

    return look


def _after_sync_of_all(session: Session, read: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(read)
    def look(self: Any, *args: Any, **kwargs: Any) -> Any:
        for run in session.unfinished():
            _safely(session, session.sync, run.run_id)
        return read(self, *args, **kwargs)

    return look


def _safely(session: Session, action: Callable[[str], None], run_id: str) -> None:
    try:
        action(run_id)
    except Exception as error:
        session.fail(error)


def _quick(session: Session, fluent: Any, name: str) -> Callable[..., Any]:
    """Return MLflow's function, which for the active run writes to the spool and returns.

    Whatever is not plain (a model, a dataset, a timestamp, another run) goes MLflow's own way.
    """
    original = getattr(fluent, name)
    several = name == "log_metrics"
    stack = fluent._active_run_stack

    def write(values: Any, step: Any) -> bool:
        active = stack.get()
        if not active or fluent.get_active_model_id() is not None:
            return False
        run = active[-1]
        if run.outputs and run.outputs.model_outputs:
            return False
        spool = session.spool_of(run.info.run_id)
        if spool is None:
            return False
        plain = {_name(key): float(value) for key, value in values.items()}
        spool.metrics(run.info.run_id, plain, int(step or 0), time.time_ns() // 1_000_000)
        return True

    @wraps(original)
    def log(*args: Any, **kwargs: Any) -> Any:
        rest = {key for key, value in kwargs.items() if value is not None} - _PLAIN
        if not rest and len(args) <= (2 if several else 3):
            try:
                values, step = (_several if several else _one)(*args, **kwargs)
                if write(values, step):
                    return None
            except (TypeError, ValueError):
                pass  # MLflow says what is wrong.
        return original(*args, **kwargs)

    return log


_PLAIN = {"key", "value", "metrics", "step"}


def _one(key: str, value: Any, step: Any = None, **_: Any) -> tuple[dict[str, Any], Any]:
    return {key: value}, step


def _several(metrics: dict[str, Any], step: Any = None, **_: Any) -> tuple[dict[str, Any], Any]:
    return metrics, step


def _name(key: Any) -> str:
    """Return a metric's name; one that MLflow may refuse goes MLflow's own way, which says so."""
    if not isinstance(key, str) or not _KNOWN.setdefault(key, _is_plain(key)):
        raise ValueError(key)
    return key


_KNOWN: dict[str, bool] = {}


def _is_plain(key: str) -> bool:
    from labstudio.experiments.wire import clean_key

    return bool(key) and clean_key(key) == key
