"""What can be set, by traitlets or by environment.

A traitlets file ``labstudio_config.py`` in the home (``c.StudioConfig.max_jobs = 4``) overrides the
defaults; ``LABSTUDIO_<NAME>`` in the environment overrides the file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import psutil
from traitlets import Bool, Float, Int, List, TraitError, Unicode
from traitlets.config import Configurable

from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from labstudio.home import Home

ENVIRONMENT_PREFIX = "LABSTUDIO_"


def _cores() -> int:
    return psutil.cpu_count() or 1


class StudioConfig(Configurable):
    """The studio's settings; the daemon, the server and every notebook read the same ones."""

    database_url = Unicode(
        "",
        help="Where the studio keeps its records. Empty: a SQLite file in the home. "
        "`postgresql://...` moves all of it to Postgres.",
    ).tag(config=True)
    max_jobs = Int(
        0, min=0, help="Jobs that run at once on this machine. 0: one for each processor."
    ).tag(config=True)
    max_jobs_per_user = Int(
        0, min=0, help="Jobs of one user that run at once on this machine. 0: as many as max_jobs."
    ).tag(config=True)
    warm_kernels = Int(
        2, min=0, help="Kernels started beforehand, each used by one job. 0: none."
    ).tag(config=True)
    queue_poll_s = Float(
        0.1, min=0.01, help="How often a worker looks for queued jobs, in seconds."
    ).tag(config=True)
    heartbeat_s = Float(
        5.0, min=0.1, help="How often a worker says that it lives, in seconds."
    ).tag(config=True)
    worker_timeout_s = Float(
        30.0, min=0.5, help="A worker not heard from for so long is lost; its jobs are taken over."
    ).tag(config=True)
    retain_days = Float(
        0.0, min=0.0, help="Delete jobs so many days after their end. 0: never."
    ).tag(config=True)
    retain_bytes = Int(
        0, min=0, help="Delete the oldest ended jobs while all jobs' files exceed this. 0: never."
    ).tag(config=True)
    snapshot_limit_bytes = Int(
        2 * 1024**3, min=0, help="The most that the files of one job's snapshot may hold."
    ).tag(config=True)
    experiment = Unicode("labstudio", help="The MLflow experiment of jobs that name none.").tag(
        config=True
    )
    protected_aliases = List(
        Unicode(),
        ["champion", "production"],
        help="Aliases of registered models that are set by an approval alone. Empty: none.",
    ).tag(config=True)
    own_approval = Bool(
        None,
        allow_none=True,
        help="Whether one may approve what one asked for oneself. None: only on a server without "
        "accounts whose records are a SQLite file, where there is nobody else to ask.",
    ).tag(config=True)
    tracking = Bool(True, help="Run an MLflow tracking server under the daemon.").tag(config=True)
    tracking_uri = Unicode(
        "",
        help="Where MLflow's runs are. Empty: in the home. `http(s)://...`: that server is used "
        "as it is, with MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD. "
        "`sqlite:///...`, `postgresql://...` or a folder `mlruns`: the studio serves what is "
        "there. Jupyter Server takes MLFLOW_TRACKING_URI of its environment for it.",
    ).tag(config=True)
    capture = Bool(
        True, help="Record what made each run of a notebook that has loaded labstudio."
    ).tag(config=True)
    autolog = Bool(
        True, help="Switch MLflow's autologging on in notebooks that have loaded labstudio."
    ).tag(config=True)

    openlineage_url = Unicode(
        "",
        help="Where OpenLineage events of runs and jobs go: `http://...`, `https://...` or "
        "`file:/PATH` for one event a line. Empty: what OPENLINEAGE_URL says, or nowhere. "
        "Needs `pip install 'labstudio[openlineage]'`.",
    ).tag(config=True)
    openlineage_namespace = Unicode(
        "labstudio", help="The namespace of jobs in OpenLineage events."
    ).tag(config=True)

    @property
    def job_slots(self) -> int:
        """Jobs that run at once on this machine."""
        return self.max_jobs or _cores()

    @property
    def job_slots_per_user(self) -> int:
        """Jobs of one user that run at once on this machine."""
        return min(self.max_jobs_per_user or self.job_slots, self.job_slots)


def load(home: Home, overrides: dict[str, Any] | None = None) -> StudioConfig:
    """Read the settings of a home.

    Parameters
    ----------
    home
        Its ``labstudio_config.py`` is read when there is one.
    overrides
        Traits by name; they win over everything else.

    Raises
    ------
    InvalidInput
        When a value is not of its trait's type; the field is named.
    """
    from traitlets.config.loader import Config, PyFileConfigLoader

    file = home.path / "labstudio_config.py"
    read = (
        PyFileConfigLoader(file.name, path=str(home.path)).load_config() if file.is_file() else {}
    )
    settings = StudioConfig(config=Config(read))
    values: dict[str, Any] = {}
    for name, trait in settings.traits(config=True).items():
        if (text := os.environ.get(ENVIRONMENT_PREFIX + name.upper())) is not None:
            try:
                values[name] = trait.from_string(text)
            except (ValueError, TraitError) as error:
                field = ENVIRONMENT_PREFIX + name.upper()
                raise InvalidInput(f"{field} cannot be {text!r}.", field=field) from error
    for name, value in {**values, **(overrides or {})}.items():
        try:
            setattr(settings, name, value)
        except TraitError as error:
            raise InvalidInput(f"{name}: {error}", field=name) from error
    return settings
