"""A run from Python: ``with labstudio.studio().run(name="trial") as run: run.log(auc=0.9)``."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, Unavailable
from labstudio.experiments.wire import PARAM_LIMIT, TAG_LIMIT, clean_key, dump, shorten

if TYPE_CHECKING:
    from types import TracebackType

    from labstudio.capture.spool import Spool

SETTLE_S = 10.0


class Run:
    """A run while it is made; MLflow's active run too, so that what logs to MLflow logs here.

    Made by ``studio.run()``. Within another run it is nested in that one.

    Parameters
    ----------
    name
        What to call it; MLflow makes up a name when left out.
    experiment
        The experiment; the one of ``%experiment``, or the settings' one, when left out.
    tags
        Tags.
    """

    def __init__(
        self,
        name: str | None = None,
        experiment: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        self._name, self._experiment, self._tags = name, experiment, tags
        self._active: Any = None
        self._spool: Spool | None = None
        self._step = 0

    def __repr__(self) -> str:
        return f"Run({self._active.info.run_id if self._active else 'not begun'!r})"

    def __enter__(self) -> Run:
        from labstudio.capture import extension

        session = extension.begin()
        import mlflow

        experiment_id = None
        if self._experiment is not None:
            experiment_id = experiment_of(self._experiment)
        self._active = mlflow.start_run(
            run_name=self._name,
            experiment_id=experiment_id,
            tags=self._tags,
            nested=mlflow.active_run() is not None,
        )
        self._active.__enter__()
        self._spool = session.spool_of(self.id)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        from labstudio.capture import session

        found = session.current()
        if found is not None and found.history is None:
            # In a script nothing comes after that would record the rest.
            found.witness.settle(SETTLE_S)
        self._active.__exit__(kind, value, trace)

    @property
    def id(self) -> str:
        """MLflow's id of the run."""
        if self._active is None:
            raise InvalidInput("The run has not begun: use it in a with statement.", field="run")
        return str(self._active.info.run_id)

    def log(self, step: int | None = None, **metrics: Any) -> None:
        """Log metrics of one step; it costs some microseconds and never waits for the server.

        Parameters
        ----------
        step
            The step; one more than the last when left out.
        **metrics
            Values by name. For names that are no Python names: ``run.log(**{"val/loss": 0.1})``.
        """
        spool = self._way()
        at = self._step if step is None else step
        try:
            values = {_checked(key): float(value) for key, value in metrics.items()}
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"A metric is a number: {error}.", field="metrics") from None
        spool.metrics(self.id, values, at, time.time_ns() // 1_000_000)
        self._step = at + 1

    def param(self, name: str, value: Any) -> None:
        """Log a parameter."""
        self.params(**{name: value})

    def params(self, **values: Any) -> None:
        """Log parameters."""
        texts = {_checked(key): shorten(_text(each), PARAM_LIMIT) for key, each in values.items()}
        self._way().write({"o": "params", "r": self.id, "v": texts})

    def tag(self, name: str, value: Any) -> None:
        """Set a tag."""
        text = shorten(_text(value), TAG_LIMIT)
        self._way().write({"o": "tags", "r": self.id, "v": {_checked(name): text}})

    def artifact(self, file: str | Path, path: str | None = None) -> None:
        """Keep a file with the run, as it is now.

        Parameters
        ----------
        file
            The file.
        path
            Its path among the run's artifacts; its name when left out.
        """
        source = Path(file)
        if not source.is_file():
            raise InvalidInput(f"There is no file {source}.", field="file")
        spool, target = self._way(), path or source.name
        kept = spool.keep(source, source.name)
        spool.write({"o": "artifact", "r": self.id, "path": target, "file": kept})

    def _way(self) -> Spool:
        if self._spool is None:
            self.id  # noqa: B018  says that it has not begun
            raise Unavailable("There is no way to write what is logged on this machine.")
        return self._spool


def experiment_of(name: str) -> str:
    """Return the id of the experiment of that name, made when there is none."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient()
    if (found := client.get_experiment_by_name(name)) is not None:
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    with contextlib.suppress(MlflowException):  # Somebody else made it meanwhile.
        return str(client.create_experiment(name))
    found = client.get_experiment_by_name(name)
    if found is None:
        raise Unavailable(f"The experiment {name!r} cannot be made.")
    return str(found.experiment_id)


def _checked(name: str) -> str:
    if not name or clean_key(name) != name:
        raise InvalidInput(f"MLflow takes no name such as {name[:80]!r}.", field="name")
    return name


def _text(value: Any) -> str:
    if hasattr(value, "item") and not isinstance(value, str):
        with contextlib.suppress(TypeError, ValueError):
            value = value.item()
    return dump(value) if isinstance(value, (str, dict, list, tuple)) else str(value)
