"""The studio: an opened home, with every verb on it."""

from __future__ import annotations

import contextlib
import socket
from functools import cached_property
from typing import TYPE_CHECKING, Any

from labstudio.config import StudioConfig, load
from labstudio.home import Home

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.capture.run import Run
    from labstudio.cards.service import CardService
    from labstudio.changes import Changes
    from labstudio.compute.service import ComputeService
    from labstudio.daemon.keeper import Keeper
    from labstudio.database.engine import Database
    from labstudio.experiments.service import RunService
    from labstudio.experiments.tracking import Tracking
    from labstudio.jobs.service import JobService
    from labstudio.kernels.service import KernelService
    from labstudio.lineage.service import LineageService
    from labstudio.namespace.moves import Moves
    from labstudio.namespace.service import Checkpoints
    from labstudio.registry.service import RegistryService
    from labstudio.reproduce.models import Reproduction
    from labstudio.reproduce.service import ReproduceService
    from labstudio.schedules.service import ScheduleService
    from labstudio.usage.service import UsageService
    from labstudio.views.service import ViewService


class Studio:
    """An opened home: the same object in a notebook, in the daemon and in tests.

    Opening costs nothing; each part is made when it is first asked for.

    Parameters
    ----------
    home
        Its folder; ``LABSTUDIO_HOME``, or the default one, when left out.
    **settings
        Traits of `StudioConfig` that override file and environment.
    """

    def __init__(self, home: Path | str | None = None, **settings: Any) -> None:
        self.home = Home(home)
        self._settings = settings

    def __repr__(self) -> str:
        return f"Studio({str(self.home.path)!r})"

    @cached_property
    def config(self) -> StudioConfig:
        """The settings."""
        return load(self.home, self._settings)

    @cached_property
    def database(self) -> Database:
        """The records."""
        from labstudio.database.engine import Database

        if url := self.config.database_url:
            return Database(url)
        return Database(f"sqlite:///{self.home.create().database_path}")

    @cached_property
    def changes(self) -> Changes:
        """What changed, in order."""
        from labstudio.changes import Changes

        return Changes(self.database)

    @cached_property
    def jobs(self) -> JobService:
        """Notebooks, scripts, cells and functions that run apart."""
        from labstudio.jobs.service import JobService

        return JobService(self)

    @cached_property
    def schedules(self) -> ScheduleService:
        """Jobs with a cron line."""
        from labstudio.schedules.service import ScheduleService

        return ScheduleService(self)

    @cached_property
    def computes(self) -> ComputeService:
        """The places where jobs run."""
        from labstudio.compute.service import ComputeService

        return ComputeService(self)

    @cached_property
    def usage(self) -> UsageService:
        """Who used how much of which compute, and what it cost."""
        from labstudio.usage.service import UsageService

        return UsageService(self)

    @cached_property
    def moves(self) -> Moves:
        """Notebooks on their way from one kernel to another."""
        from labstudio.namespace.moves import Moves

        return Moves(self.home)

    @cached_property
    def namespace(self) -> Checkpoints:
        """The notebook's variables: kept in checkpoints, and restored."""
        from labstudio.namespace.service import Checkpoints

        return Checkpoints(self.home)

    @cached_property
    def kernels(self) -> KernelService:
        """The kernels that live on computes."""
        from labstudio.kernels.service import KernelService

        return KernelService(self)

    @cached_property
    def lineage(self) -> LineageService:
        """Where everything came from, and what came of it."""
        from labstudio.lineage.service import LineageService

        return LineageService(self)

    @cached_property
    def tracking(self) -> Tracking:
        """MLflow's runs, through the tracking server under the daemon."""
        from labstudio.experiments.tracking import Tracking

        return Tracking(self.home)

    @cached_property
    def registry(self) -> RegistryService:
        """Registered models, their versions, and who may promote them."""
        from labstudio.registry.service import RegistryService

        return RegistryService(self)

    @cached_property
    def runs(self) -> RunService:
        """MLflow's runs: found, listed and grouped."""
        from labstudio.experiments.service import RunService

        return RunService(self)

    @cached_property
    def views(self) -> ViewService:
        """What tables and comparisons show, kept under names."""
        from labstudio.views.service import ViewService

        return ViewService(self.database)

    @cached_property
    def reproductions(self) -> ReproduceService:
        """Runs made again, with proof."""
        from labstudio.reproduce.service import ReproduceService

        return ReproduceService(self)

    @cached_property
    def cards(self) -> CardService:
        """Model cards: they write themselves, and people complete and approve them."""
        from labstudio.cards.service import CardService

        return CardService(self)

    @cached_property
    def keeper(self) -> Keeper:
        """Finds, starts and stops the daemon of this home."""
        from labstudio.daemon.keeper import Keeper

        return Keeper(self)

    def run(
        self,
        name: str | None = None,
        experiment: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> Run:
        """Make a run: ``with studio.run(name="trial") as run: run.log(auc=0.9)``."""
        from labstudio.capture.run import Run

        return Run(name, experiment, tags)

    def reproduce(
        self,
        run_id: str,
        compute: str | None = None,
        *,
        packages: str = "then",
        timeout_s: float | None = None,
    ) -> Reproduction:
        """Make a run again from its capsule, wait, and return what agreed and what changed.

        Parameters
        ----------
        run_id
            The run.
        compute
            Where; where the run was made when left out.
        packages
            ``"then"``: those of the run's lock. ``"now"``: those that are installed.
        timeout_s
            How long to wait.

        Raises
        ------
        InvalidInput, NotFound, Conflict
            When it cannot be tried.
        """
        from labstudio.inputs import validated
        from labstudio.reproduce.models import Reproduce

        request = validated(Reproduce, {"compute": compute, "packages": packages})
        self.keeper.ensure()
        job = self.reproductions.start(run_id, request)
        return self.reproductions.wait(job.id, timeout_s)

    def wake(self) -> None:
        """Tell the daemon that there is something to do; it would notice by itself, a bit later."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            line.sendto(b"!", str(self.home.runtime / "wake.sock"))

    def close(self) -> None:
        """Close what was opened."""
        if "runs" in self.__dict__:
            self.runs.close()
        if "database" in self.__dict__:
            self.database.close()
