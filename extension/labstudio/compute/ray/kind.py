"""A Ray cluster as a compute: each attempt is a Ray job, and Ray's own queue holds what waits.

What the attempt needs travels as packages of the job's runtime environment, of which Ray takes each
once, by the hash of its content. What comes of it travels back in the job's log (see `frames`). The
job's id is made from the attempt's, so that it is submitted once whoever does it, and found again.
"""

from __future__ import annotations

import os
import secrets
import shlex
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import psutil

from labstudio.compute.kind import Host, Kind, Order, Presence, Signal
from labstudio.compute.machine import gpus, look
from labstudio.compute.models import Capacity, ComputeSettings, Gpu, Resources
from labstudio.compute.ray import packages, storage
from labstudio.compute.ray.client import (
    PENDING,
    TERMINAL,
    Dashboard,
    dashboard_url,
)
from labstudio.compute.ray.cluster import LocalRay
from labstudio.compute.ray.endings import environment_error, sentence
from labstudio.compute.ray.follower import SETTLE_S, Follower
from labstudio.compute.ray.luggage import STORED, Luggage, Stored
from labstudio.compute.ray.mirror import Record, amend, read_record
from labstudio.compute.ray.settings import LOCAL, RaySettings
from labstudio.compute.ray.stopping import answers, stop_wait_s
from labstudio.compute.ray.trial import trial
from labstudio.errors import InvalidInput
from labstudio.home import Home, write_atomic
from labstudio.jobs.models import Environment, JobError, Progress
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.late_run import RUN_WAIT_S

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from labstudio.status import Check

LOOPBACK = ("127.0.0.1", "localhost", "::1")
CAPACITY_S = 20.0
STUDIO, MARK = "labstudio_studio", "labstudio_attempt"


class Ray(Kind):
    """A Ray cluster, reached by its dashboard."""

    TYPE = "ray"
    summary = "A Ray cluster, by its dashboard's address; or a small one of the studio's own here."
    Settings: ClassVar[type[ComputeSettings]] = RaySettings
    settings: RaySettings

    def __init__(self, name: str, settings: ComputeSettings, host: Host) -> None:
        assert isinstance(settings, RaySettings)
        super().__init__(name, settings, host)
        self._own = LocalRay(host.home, name) if settings.address == LOCAL else None
        self._dashboard: Dashboard | None = None
        self._capacity: tuple[float, Capacity] | None = None
        self._follower: Follower | None = None

    # -- the cluster

    @property
    def dashboard(self) -> Dashboard:
        """The cluster; the studio's own is started when it is first wanted."""
        if self._dashboard is None:
            asked = self.settings
            if self._own is not None:
                cluster = self._own.ensure(asked.cpus, asked.gpus)
                self._dashboard = Dashboard(cluster.address, cluster.token_file, None)
            else:
                url = dashboard_url(asked.address)
                self._dashboard = Dashboard(url, asked.token_file, asked.ca_file)
        return self._dashboard

    @property
    def follower(self) -> Follower:
        """What follows attempts there."""
        if self._follower is None:
            self._follower = Follower(
                self.name, self.dashboard, self._hand_over, self._show_pending
            )
        return self._follower

    def close(self) -> None:
        """Let go of the cluster; what runs there goes on."""
        if self._follower is not None:
            self._follower.close()
        if self._dashboard is not None:
            self._dashboard.close()

    def retire(self) -> None:
        """End the Ray that was started here for this compute."""
        if self._own is not None:
            self._own.end()

    def capacity(self) -> Capacity:
        """Return what the cluster's nodes have, or what the settings say."""
        asked = self.settings
        if self._own is not None:  # A look starts no Ray.
            return Capacity(
                cpus=asked.cpus or psutil.cpu_count() or 1,
                memory_bytes=asked.memory or psutil.virtual_memory().total,
                gpus=len(gpus()) if asked.gpus is None else asked.gpus,
            )
        if self._capacity is None or time.monotonic() - self._capacity[0] > CAPACITY_S:
            totals = [each["resources_total"] for each in self.dashboard.nodes()]
            found = Capacity(
                cpus=sum(each.get("CPU", 0.0) for each in totals),
                memory_bytes=int(sum(each.get("memory", 0.0) for each in totals)),
                gpus=int(sum(each.get("GPU", 0.0) for each in totals)),
            )
            self._capacity = (time.monotonic(), found)
        found = self._capacity[1]
        return Capacity(
            cpus=asked.cpus or found.cpus,
            memory_bytes=asked.memory or found.memory_bytes,
            gpus=found.gpus if asked.gpus is None else asked.gpus,
        )

    def resources(self) -> Resources:
        """Look at the machines of all nodes together."""
        if self._own is not None:
            return look(self.host.home.path)
        nodes = self.dashboard.usage()
        cpus = sum(each["cpus"][0] for each in nodes)
        busy = sum(each["cpu"] * each["cpus"][0] for each in nodes)
        disks = [each["disk"]["/"] for each in nodes if "/" in each.get("disk", {})]
        return Resources(
            at=datetime.now(UTC),
            cpus=cpus,
            cpu_percent=busy / cpus if cpus else 0.0,
            memory_bytes=sum(each["mem"][0] for each in nodes),
            memory_used_bytes=sum(each["mem"][3] for each in nodes),
            disk_bytes=sum(each["total"] for each in disks),
            disk_used_bytes=sum(each["used"] for each in disks),
            gpus=[_gpu(each) for node in nodes for each in node.get("gpus") or []],
            platform=f"Ray, {len(nodes)} node{'s' if len(nodes) != 1 else ''}",
        )

    def test(self) -> Iterator[Check]:
        """Try the dashboard, and a job that looks at a node."""
        yield from trial(self.dashboard, self.settings, self._studio())

    # -- an attempt

    def prepare(self, order: Order) -> None:
        """Bring labstudio and the job's files there, where they are not there yet."""
        if order.spec.environment.python is not None:
            raise InvalidInput(
                "environment.python: jobs on Ray run with the Python of the cluster's nodes; leave "
                "it out.",
                field="environment.python",
            )
        if order.spec.environment.image is not None:
            raise InvalidInput(
                "environment.image: jobs on Ray run in the images of the cluster's nodes; leave it "
                "out.",
                field="environment.image",
            )
        if self._own is not None:
            if self._own.running() is None:
                order.say("Starting a Ray on this machine.")
            self._own.ensure(self.settings.cpus, self.settings.gpus, order.given_up)
        home, snapshot = self.host.home, order.spec.snapshot
        packages.bring_code(self.dashboard)
        stored = packages.store_large(home, snapshot, self.settings.storage)
        packages.bring_snapshot(self.dashboard, home, snapshot, stored, order.given_up)

    def launch(self, order: Order) -> None:
        """Submit the attempt as a Ray job, or leave that to the follower while its run is made."""
        if (order.folder / protocol.CLAIM).exists():
            return
        protocol.write_spec(order.folder, order.spec)
        submission = submission_id(order.spec)
        amend(order.folder, submission=submission)
        self._hand_over(order.folder)
        self.follower.follow(order.folder, submission)

    def attach(self, folder: Path) -> bool:
        """Say whether the attempt was handed to Ray, and follow it."""
        record = read_record(folder)
        if record is None:
            return (folder / protocol.CLAIM).exists()
        if not record.submitted and self.dashboard.job(record.submission) is None:
            return False
        amend(folder, submitted=True)
        self.follower.follow(folder, record.submission)
        return True

    def stream(self, folder: Path) -> Presence:
        """Say what the follower knows."""
        record = read_record(folder)
        if record is None:
            return Presence.gone
        pursuit = self.follower.follow(folder, record.submission)
        presence = pursuit.presence()
        if presence is Presence.unreachable and self._own is not None and not self._own.running():
            pursuit.why, pursuit.gone = "the Ray on this machine has ended.", True
            return Presence.gone
        if presence is Presence.gone and (error := environment_error(pursuit.details)):
            result = protocol.Result(outcome="failed", error=error, ended_at=protocol.now())
            protocol.write_model(folder / protocol.RESULT, result, durable=True)
        return presence

    def signal(self, folder: Path, how: Signal) -> None:
        """Have Ray stop the job; the driver asks the studio whether it has a grace period.

        Otherwise nothing of it is left within five seconds, however asked. One that Ray has not
        begun is over at once: Ray stops it when its turn comes.
        """
        record = read_record(folder)
        if record is None:
            protocol.forestall(folder)
            return
        pursuit = self.follower.known(folder)
        if protocol.read_result(folder) is not None or (pursuit is not None and pursuit.gone):
            return
        if how is Signal.preempt and (
            (pursuit is not None and pursuit.told is how) or not answers(self.host.gateway)
        ):
            return  # Said, or to be said once the driver can ask what it means.
        if how is not Signal.kill:
            amend(folder, preempting=how is Signal.preempt)
        job = self.dashboard.job(record.submission)
        if job is not None and job["status"] not in TERMINAL:
            self.dashboard.stop(record.submission)
        if job is None or job["status"] == PENDING:
            protocol.forestall(folder, "preempted" if how is Signal.preempt else "stopped")
        elif pursuit is not None:
            pursuit.told = how

    def loss(self, folder: Path) -> JobError | None:
        """Give what Ray says of it."""
        record, pursuit = read_record(folder), self.follower.known(folder)
        if record is None or pursuit is None:
            return None
        if pursuit.details is None or pursuit.details["status"] not in TERMINAL:
            return JobError(type="Lost", message=f"The Ray job is gone: {pursuit.why}")
        return JobError(type="Lost", message=sentence(pursuit.details))

    def collect(self, folder: Path) -> None:
        """Bring large outputs from the storage."""
        stored = protocol.read_model(folder / STORED, Stored)
        for path, url in (stored.items if stored else {}).items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            storage.fetch(url, target)

    def clean(self, folder: Path) -> None:
        """Remove Ray's record of the job once that may be; `sweep` does where this did not."""
        if (record := read_record(folder)) is not None:
            self.follower.dismiss(folder, record.submission)

    def sweep(self, keep: Collection[str]) -> int:
        """Stop jobs of this studio that nobody follows, and remove their records."""
        swept = 0
        for job in self.dashboard.jobs():
            told = job.get("metadata") or {}
            if told.get(STUDIO) != self._studio() or told.get(MARK) in keep:
                continue
            if job["status"] not in TERMINAL:
                self.dashboard.stop(job["submission_id"])
            elif time.time() - job["end_time"] / 1000 < SETTLE_S:
                continue  # Too early; see `Follower.dismiss`.
            else:
                self.dashboard.delete(job["submission_id"])
            swept += 1
        return swept

    # -- submitting

    def _hand_over(self, folder: Path) -> bool:
        """Submit an attempt, unless it is submitted; False while it waits for its MLflow run."""
        record = read_record(folder)
        if record is None or record.submitted:
            return True
        if protocol.awaits_run(folder) and _age_s(folder / protocol.SPEC) < RUN_WAIT_S:
            return False
        if (folder / protocol.CLAIM).exists():
            return True  # It was stopped meanwhile.
        self.dashboard.submit(self._request(folder, record))
        amend(folder, submitted=True)
        return True

    def _request(self, folder: Path, record: Record) -> dict[str, Any]:
        spec = protocol.read_spec(folder)
        asked = self.settings
        if (told := protocol.read_tracking(folder)) is not None and spec.tracking is not None:
            spec.tracking = told if told.run_id is not None else None
        stored = packages.store_large(self.host.home, spec.snapshot, asked.storage)
        luggage = Luggage(
            mark=spec.marker,
            socket=str(self.host.gateway) if self._may_be_beside() else None,
            returns_bytes=asked.returns,
            compute=self.name,
            storage=asked.storage,
            stored=stored,
        )
        requirements = [*asked.install, *spec.environment.requirements]
        there = spec.model_copy(
            update={
                "environment": Environment(),
                "gpus": [],  # Ray says which, in CUDA_VISIBLE_DEVICES.
            }
        )
        if there.gateway is not None and asked.gateway_url is not None:
            there.gateway.url = asked.gateway_url.rstrip("/")
        uris = [
            packages.bring_code(self.dashboard),
            *packages.bring_snapshot(self.dashboard, self.host.home, spec.snapshot, stored),
            packages.bring_attempt(self.dashboard, folder, there, luggage),
        ]
        environment: dict[str, Any] = {
            "py_modules": uris,
            "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(stop_wait_s(spec))},
        }
        if requirements:
            environment[asked.installer] = {"packages": requirements}
        need = spec.need
        # All of this is shown to whoever opens Ray's dashboard: no secret is in it.
        request: dict[str, Any] = {
            "submission_id": record.submission,
            "entrypoint": f"exec {shlex.quote(asked.python)} -m labstudio.compute.ray.driver",
            "runtime_env": environment,
            "metadata": {STUDIO: self._studio(), MARK: spec.marker},
            "entrypoint_num_cpus": need.cpus,
        }
        if need.gpus:
            request["entrypoint_num_gpus"] = need.gpus
        if need.memory:
            request["entrypoint_memory"] = int(need.memory)
        return request

    def _may_be_beside(self) -> bool:
        """Say whether the nodes may be this machine; they see whether the gateway's socket is."""
        host = urlsplit(self.dashboard.address).hostname
        return self.host.gateway is not None and host in LOOPBACK

    def _studio(self) -> str:
        return studio_id(self.host.home)

    def _show_pending(self, folder: Path) -> None:
        status = folder / protocol.STATUS
        if status.exists():
            return
        need = protocol.read_spec(folder).need
        what = f"{need.cpus:g} core{'s' if need.cpus != 1 else ''}"
        what += f", {need.gpus} GPU{'s' if need.gpus != 1 else ''}" if need.gpus else ""
        text = f"Waiting for Ray: it queues the job until a node has {what} and its environment."
        progress = Progress(phase="environment", message=text)
        protocol.write_model(status, protocol.Status(progress=progress, updated_at=protocol.now()))


def submission_id(spec: protocol.AttemptSpec) -> str:
    """Return the id of an attempt's Ray job."""
    return f"labstudio-{spec.job_id}-{spec.attempt}"


def studio_id(home: Home) -> str:
    """Return what tells this studio's jobs from another's on the same cluster."""
    path = home.path / "ray.id"
    if not path.exists():
        made = path.with_name(f".ray.id.{os.getpid()}")
        write_atomic(made, secrets.token_hex(8))
        try:
            path.hardlink_to(made)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text()


def _gpu(told: dict[str, Any]) -> Gpu:
    return Gpu(
        index=told["index"],
        name=told.get("name", ""),
        memory_bytes=int(told.get("memoryTotal", 0)) << 20,
        memory_used_bytes=int(told.get("memoryUsed", 0)) << 20,
        busy_percent=told.get("utilizationGpu"),
    )


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_mtime
