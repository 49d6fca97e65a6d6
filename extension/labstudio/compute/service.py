"""The verbs of compute: which places there are, and how they are."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psutil
from pydantic import ByteSize

from labstudio import changes
from labstudio.compute import leases
from labstudio.compute.catalogue import Catalogue, Entry, check
from labstudio.compute.models import (
    LOCAL,
    Capacity,
    Compute,
    ComputeDetail,
    ComputePage,
    ComputeSettings,
    CreateCompute,
    HolderKind,
    KindPage,
    Need,
    Resources,
    TestReport,
)
from labstudio.compute.overview import Overview
from labstudio.compute.registry import kind
from labstudio.compute.toml import FILE, add_table, remove_table
from labstudio.database.tables import computes
from labstudio.errors import Conflict, InvalidInput, StudioError
from labstudio.status import Check

if TYPE_CHECKING:
    import builtins
    from pathlib import Path

    from labstudio._studio import Studio
    from labstudio.compute.opened import OpenComputes
    from labstudio.jobs.models import CreateJob


class ComputeService:
    """The named places where jobs run and kernels live."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.catalogue = Catalogue(studio)

    @cached_property
    def opened(self) -> OpenComputes:
        """The computes as this process opens them to look at; nothing is launched on them."""
        from labstudio.compute.kind import Host
        from labstudio.compute.opened import OpenComputes

        return OpenComputes(self, Host(self._studio.home))

    # Reading

    def list(self, near: Path | None = None, root: Path | None = None) -> ComputePage:
        """Return every compute, with what runs and waits there.

        Parameters
        ----------
        near
            A folder of notebooks; a ``compute.toml`` there or above is read too, and remembered.
        root
            The topmost folder that is looked into.
        """
        entries = self.catalogue.entries(near, root)
        overview = Overview(self._studio)
        return ComputePage(
            items=[overview.compute(self.filled(each)) for each in entries.values()],
            problems=self.catalogue.problems(near, root),
        )

    def detail(self, name: str) -> ComputeDetail:
        """Return one compute with what runs and waits there, and what its machine does.

        Raises
        ------
        InvalidInput
            When there is no such compute.
        """
        return Overview(self._studio).detail(self.filled(self.catalogue.get(name)))

    def settings(self, name: str) -> ComputeSettings:
        """Return a compute's settings, checked.

        Raises
        ------
        InvalidInput
            When there is no such compute, or its entry is wrong.
        """
        return self.filled(self.catalogue.get(name)).checked()

    def get(
        self,
        name: str,
        near: Path | None = None,
        root: Path | None = None,
        need: Need | None = None,
    ) -> str:
        """Return a compute's name when a job may be sent there.

        Parameters
        ----------
        name
            Its name.
        near, root
            The folder of the job's source, and the topmost one that is looked into for files.
        need
            What the job takes.

        Raises
        ------
        InvalidInput
            When there is none, its entry is wrong, or it never has so much to give out.
        """
        return self._usable(name, near, root, need).name

    def _usable(self, name: str, near: Path | None, root: Path | None, need: Need | None) -> Entry:
        """Return the entry of a compute to which a job may be sent; see `get`."""
        entry = self.filled(self.catalogue.get(name, near, root))
        settings = entry.checked()
        if need is not None:
            self._must_fit(entry, need)
        if (missing := kind(settings.type).missing()) is not None:
            raise InvalidInput(f"compute {name!r} cannot be used: {missing}", field="compute")
        return entry

    def capacity(self, entry: Entry) -> Capacity:
        """Return what a compute gives out, as far as is known without a look at it."""
        if entry.name == LOCAL:
            return self.opened.get(LOCAL).capacity()
        seen = entry.seen or Capacity(cpus=0, memory_bytes=0)
        says = entry.settings or ComputeSettings(type=entry.type)
        return Capacity(
            cpus=seen.cpus or says.cpus or 0,
            memory_bytes=seen.memory_bytes or says.memory or 0,
            gpus=seen.gpus or says.gpus or 0,
        )

    def _must_fit(self, entry: Entry, need: Need) -> None:
        """Refuse what can never be given out, as far as is known before a first look."""
        has = self.capacity(entry)
        for field, wanted, most in (
            ("cpus", need.cpus, has.cpus),
            ("memory", need.memory, has.memory_bytes),
            ("gpus", need.gpus, has.gpus),
        ):
            known = most or (field == "gpus" and has.cpus)
            if known and wanted > most:
                asked, there = (_shown(field, each) for each in (wanted, most))
                raise InvalidInput(
                    f"need.{field} is {asked}, and compute {entry.name!r} has {there} to give out.",
                    field=f"need.{field}",
                )

    # Slots

    def gpus_of(self, holder: HolderKind, holder_id: str) -> tuple[int, ...]:
        """Return the numbers of the GPUs that a job or a kernel holds."""
        with self._studio.database.read() as connection:
            return leases.gpus_of(connection, holder, holder_id)

    def lease_kernel(
        self, kernel_id: str, compute: str, user: str, need: Need, *, name: str = ""
    ) -> tuple[int, ...]:
        """Give a kernel its slots, at once or not at all: somebody waits for it.

        Parameters
        ----------
        kernel_id
            The kernel; one that holds slots already keeps them.
        compute
            Where it is to live.
        user
            Whose it is.
        need
            What it takes.
        name
            What people know it by.

        Returns
        -------
        tuple
            The numbers of its GPUs.

        Raises
        ------
        Conflict
            When what is free is too little; the sentence says what is in the way.
        Unavailable
            When the compute takes nothing now.
        InvalidInput
            When there is no such compute, or it never has so much.
        """
        from labstudio.compute.admission import admit_kernel

        self.get(compute, need=need)
        return admit_kernel(self._studio, kernel_id, compute, user, need, name)

    def release(self, holder: HolderKind, holder_id: str, *, outcome: str = "ended") -> bool:
        """Take slots back; return whether any were held."""
        with self._studio.database.begin() as connection:
            gone = leases.release(connection, holder, holder_id, outcome=outcome)
        self._studio.wake()
        return gone

    def check_job(
        self, spec: CreateJob, near: Path | None = None, root: Path | None = None
    ) -> None:
        """Refuse a job that its compute can never run, or not as is asked for.

        Parameters
        ----------
        spec
            The job.
        near, root
            As for `get`.

        Raises
        ------
        InvalidInput
            When it cannot.
        """
        from labstudio.jobs.taking import image_of

        entry = self._usable(spec.compute or LOCAL, near, root, spec.need)
        name, type_ = entry.name, entry.type
        wants_image = spec.environment.image is not None or image_of(spec.path) is not None
        if wants_image and not kind(type_).runs_images:
            raise InvalidInput(
                f"compute {name!r} is {type_!r}, which runs no images; name one of containers.",
                field="compute",
            )
        if spec.keep_kernel_s and not kind(type_).keeps_kernels:
            raise InvalidInput(
                f"keep_kernel_s: compute {name!r} is {type_!r}, where a failed job's kernel cannot "
                "be kept; leave it out.",
                field="keep_kernel_s",
            )

    def kinds(self) -> KindPage:
        """Return every kind of compute, with the settings that it takes."""
        from labstudio.compute.forms import kind_page

        return kind_page()

    def resources(self, name: str) -> Resources:
        """Look at a compute's machine now.

        Raises
        ------
        Unavailable
            When it does not answer.
        """
        return self.opened.get(name).resources()

    def test(self, name: str) -> TestReport:
        """Try each thing that an attempt needs of a compute; what fails says how to mend it.

        Raises
        ------
        InvalidInput
            When there is no such compute.
        """
        self.catalogue.get(name)
        began = time.monotonic()
        checks: builtins.list[Check] = []
        try:
            checks += self.opened.get(name).test()
        except StudioError as error:
            checks.append(Check(name="reach", state="error", message=error.message))
        return TestReport(
            compute=name,
            ok=all(each.state != "error" for each in checks),
            seconds=round(time.monotonic() - began, 3),
            checks=checks,
        )

    # Changing

    def add(self, request: CreateCompute) -> Compute:
        """Add a compute to the home's file.

        Raises
        ------
        Conflict
            When one of that name is there already.
        InvalidInput
            When a setting is wrong; nothing is written.
        """
        name, given = request.name, dict(request.settings)
        if given.pop("type", request.type) != request.type:
            raise InvalidInput("type is given twice, and not the same.", field="settings.type")
        if name in self.catalogue.entries() and name != LOCAL:
            raise Conflict(f"There is a compute {name!r} already.", name=name)
        check(name, {"type": request.type, **given})
        self._studio.home.create()
        shown = {"type": request.type, **{key: _plain(value) for key, value in given.items()}}
        add_table(self.catalogue.home_file, name, shown)
        entry = self.catalogue.get(name)
        self._studio.wake()
        return Overview(self._studio).compute(self.filled(entry))

    def drain(self, name: str, *, draining: bool, now: bool = False) -> Compute:
        """Let nothing new onto a compute, or let it again.

        Parameters
        ----------
        name
            Its name.
        draining
            Whether it takes nothing new. What runs there goes on.
        now
            Jobs do not go on: each has the compute's `grace_s` for a checkpoint, and waits with it
            until the compute takes work again. Kernels stay.

        Raises
        ------
        InvalidInput
            When there is no such compute, or `now` is asked of one that is not preemptible.
        """
        entry = self.catalogue.get(name)
        if now and not draining:
            raise InvalidInput("now: a compute that takes new work is not drained.", field="now")
        if now:
            entry.must_take_notice()
        wanted = {"draining": draining, "clearing": now}
        with self._studio.database.begin() as connection:
            known = connection.execute(
                computes.update().where(computes.c.name == name).values(wanted)
            ).rowcount
            if not known:
                row = {"name": name, "source": None, **wanted}
                connection.execute(computes.insert().values(row))
            if now:
                self._studio.jobs.store.give_notice(connection, name)
            changes.record(connection, "computes", name, "changed")
        self._studio.wake()
        return Overview(self._studio).compute(self.filled(entry))

    def remove(self, name: str) -> None:
        """Take a compute out of the file that names it.

        Raises
        ------
        Conflict
            When it is built in, or something runs or waits there.
        """
        entry = self.catalogue.get(name)
        if entry.source is None or name == LOCAL:
            raise Conflict(f"{name!r} is built in; its settings are in {FILE}.", name=name)
        if busy := Overview(self._studio).busy(name):
            raise Conflict(f"{name!r} cannot be removed: {busy}.", name=name)
        if entry.settings is not None and kind(entry.settings.type).missing() is None:
            self.opened.get(name).retire()
        remove_table(entry.source, name)
        self.catalogue.forget(name)

    def filled(self, entry: Entry) -> Entry:
        """Give this machine the limits that the studio's settings say, where its entry does not."""
        if entry.name != LOCAL or entry.settings is None:
            return entry
        config, settings = self._studio.config, entry.settings
        most = settings.max_jobs or config.job_slots
        cores = psutil.cpu_count() or 1
        limits = {
            # Who lets more jobs run than there are cores shares them out more than once.
            "cpus": settings.cpus or float(max(cores, most)),
            "max_jobs": most,
            "max_jobs_per_user": min(settings.max_jobs_per_user or config.job_slots_per_user, most),
        }
        return replace(entry, settings=settings.model_copy(update=limits))


def _shown(field: str, amount: float) -> str:
    """Return an amount as people read it."""
    if field == "memory":
        return ByteSize(amount).human_readable(separator=" ")
    return f"{amount:g}"


def _plain(value: Any) -> Any:
    """Leave out what TOML has no word for."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_plain(each) for each in value if each is not None]
    return value
