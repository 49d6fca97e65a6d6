"""Computes as they stand: what they have, what runs there, what waits."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from labstudio.compute.leases import held as held_by
from labstudio.compute.models import (
    LOCAL,
    Compute,
    ComputeDetail,
    ComputeSettings,
    Occupant,
    Resources,
    Waiting,
)
from labstudio.compute.registry import kinds
from labstudio.database.tables import computes, jobs, kernels, leases
from labstudio.inputs import HIDDEN

if TYPE_CHECKING:
    from pydantic import JsonValue
    from sqlalchemy.engine import Row

    from labstudio._studio import Studio
    from labstudio.compute.catalogue import Entry

_WORKING = ("starting", "running")


class Overview:
    """One look at all computes.

    Parameters
    ----------
    studio
        Whose they are.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        active = jobs.c.state.in_(["queued", *_WORKING])
        counted = sa.func.count().label("number")
        with studio.database.read() as connection:
            self._rows = {row.name: row for row in connection.execute(sa.select(computes))}
            self._leases = connection.execute(sa.select(leases)).all()
            tally = sa.select(jobs.c.compute, jobs.c.state, counted).where(active)
            found = connection.execute(tally.group_by(jobs.c.compute, jobs.c.state))
            self._jobs = Counter({(row.compute, row.state): row.number for row in found})
            living = sa.select(kernels.c.compute, counted).where(kernels.c.ended_at.is_(None))
            found = connection.execute(living.group_by(kernels.c.compute))
            self._kernels = {row.compute: row.number for row in found}
        self._spent = studio.usage.spent()

    def compute(self, entry: Entry) -> Compute:
        """Return one compute."""
        return Compute(**self._facts(entry))

    def detail(self, entry: Entry) -> ComputeDetail:
        """Return one compute with all that is known of it."""
        row = self._rows.get(entry.name)
        resources = row.resources if row is not None else None
        return ComputeDetail(
            **self._facts(entry),
            settings=_shown(entry.settings) if entry.settings else {},
            occupants=self._occupants(entry.name),
            waiting=self._waiting(entry),
            resources=Resources(**resources) if resources else None,
        )

    def busy(self, name: str) -> str:
        """Say what runs or waits on a compute; nothing when nothing does."""
        active = sum(self._jobs[name, state] for state in ("queued", *_WORKING))
        living = self._kernels.get(name, 0)
        told = [
            f"{count} {thing}{'' if count == 1 else 's'}"
            for count, thing in ((active, "job"), (living, "kernel"))
            if count
        ]
        return f"{' and '.join(told)} still {verb(active + living)} there" if told else ""

    def _facts(self, entry: Entry) -> dict[str, Any]:
        name, settings, row = entry.name, entry.settings, self._rows.get(entry.name)
        capacity = self._studio.computes.capacity(entry)
        held = [each for each in self._leases if each.compute == name]
        state, message = self._state(entry, row)
        kind = kinds().get(entry.type)
        facts: dict[str, Any] = {
            "name": name,
            "type": entry.type,
            "state": state,
            "message": message,
            "source": str(entry.source) if entry.source else None,
            "cpus": capacity.cpus,
            "memory_bytes": capacity.memory_bytes,
            "gpus": capacity.gpus,
            "cpus_held": sum(each.cpus for each in held),
            "memory_held_bytes": sum(each.memory_bytes for each in held),
            "gpus_held": sum(len(each.gpus) for each in held),
            "running": sum(self._jobs[name, each] for each in _WORKING),
            "queued": self._jobs[name, "queued"],
            "kernels": self._kernels.get(name, 0),
            "hosts_kernels": kind is not None and kind.hosts_kernels,
            "runs_images": kind is not None and kind.runs_images,
            "spent": round(self._spent.get(name, 0.0), 4),
        }
        if settings is not None:
            for field in ("description", "max_jobs", "max_jobs_per_user", "preemptible"):
                facts[field] = getattr(settings, field)
            facts["price_per_hour"] = settings.price_per_hour
        return facts

    def _state(
        self, entry: Entry, row: Row[Any] | None
    ) -> tuple[Literal["ready", "draining", "unreachable", "invalid"], str]:
        if entry.settings is None:
            return "invalid", entry.problem
        kind = kinds()[entry.type]
        if (missing := kind.missing()) is not None:
            return "invalid", missing
        if row is not None and row.draining:
            rest = "jobs save a checkpoint and wait" if row.clearing else "what runs goes on"
            return "draining", f"Nothing new is let in; {rest}."
        if row is not None and row.problem:
            return "unreachable", row.problem
        return "ready", entry.problem

    def _waiting(self, entry: Entry) -> list[Waiting]:
        from labstudio.compute.admission import Admission
        from labstudio.compute.forecast import waiting
        from labstudio.daemon.identity import worker_id

        worker = worker_id(self._studio.home)
        admission = Admission(self._studio, worker, lambda _name: None)
        places, _ = admission.places({entry.name})
        place = next(iter(places), None)
        state, message = self._state(entry, self._rows.get(entry.name))
        with self._studio.database.read() as connection:
            held = held_by(connection, entry.name, worker if entry.name == LOCAL else None)
            line = place.line(held) if place else None
            why = message if state != "ready" else "The compute has not been looked at yet."
            return waiting(connection, entry.name, line, held, why)

    def _occupants(self, name: str) -> list[Occupant]:
        held = {(each.holder, each.holder_id): each for each in self._leases}
        found = []
        with self._studio.database.read() as connection:
            running = sa.select(
                jobs.c.id, jobs.c.name, jobs.c.user, jobs.c.state, jobs.c.started_at
            ).where(jobs.c.compute == name, jobs.c.state.in_(_WORKING))
            living = sa.select(
                kernels.c.id,
                kernels.c.display_name.label("name"),
                kernels.c.user,
                kernels.c.state,
                kernels.c.started_at,
            ).where(kernels.c.compute == name, kernels.c.ended_at.is_(None))
            for holder, query in (("job", running), ("kernel", living)):
                for row in connection.execute(query):
                    lease = held.get((holder, row.id))
                    found.append(
                        Occupant(
                            holder="job" if holder == "job" else "kernel",
                            id=row.id,
                            name=row.name,
                            user=row.user,
                            state=row.state,
                            cpus=lease.cpus if lease else 0,
                            memory_bytes=lease.memory_bytes if lease else 0,
                            gpus=lease.gpus if lease else [],
                            since=row.started_at,
                        )
                    )
        return sorted(found, key=lambda each: each.since)


def verb(number: int) -> str:
    """Say ``run or wait`` of one or of many."""
    return "runs or waits" if number == 1 else "run or wait"


def _shown(settings: ComputeSettings) -> dict[str, JsonValue]:
    """Return what an entry says, without the values of environment variables: secrets travel so."""
    said = settings.model_dump(mode="json", exclude_unset=True)
    if "env" in said:
        said["env"] = dict.fromkeys(said["env"], HIDDEN)
    return said
