"""The walls around what runs in a container, the same for jobs and kernels.

It sees its image, read-only; the folders that are mounted for it; a `/tmp` in memory; and nothing
else of the machine. It runs as a user without rights, with no capability, no way to gain any, no
network unless asked for, and limits of memory, cores and processes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.compute.docker.settings import parse_volume
from labstudio.compute.models import Need

if TYPE_CHECKING:
    from collections.abc import Iterable

    from docker import DockerClient
    from docker.models.containers import Container

    from labstudio.compute.docker.engine import EngineFacts
    from labstudio.compute.docker.settings import DockerSettings
    from labstudio.home import Home

HOME_LABEL = "labstudio.home"
COMPUTE_LABEL = "labstudio.compute"
MARK_LABEL = "labstudio.mark"
HOLDER_LABEL = "labstudio.holder"

WORK = "/work"
"""Where the working folder is seen in a container."""
NOBODY = "65534:65534"
NANO = 1_000_000_000
LEAST_MEMORY = 6 << 20
STOP_S = 10


@dataclass(frozen=True)
class Mount:
    """A file or folder of this machine that a container sees."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True)
class Plan:
    """One container, before it is made.

    Parameters
    ----------
    image
        Name or id of an image that the Engine has.
    command
        What runs, instead of what the image runs by itself.
    labels
        From `labels`.
    user
        ``UID:GID``, from `user_of`.
    env
        The variables that are set in it, and no others than the image's.
    folder
        The working folder in there; None for the image's.
    mounts
        What it sees of this machine.
    need, gpus
        Its slots.
    """

    image: str
    command: tuple[str, ...]
    labels: dict[str, str]
    user: str
    env: dict[str, str] = field(default_factory=dict)
    folder: str | None = WORK
    mounts: tuple[Mount, ...] = ()
    need: Need = field(default_factory=Need)
    gpus: tuple[int, ...] = ()
    hostname: str | None = None


def labels(home: Home, compute: str, holder: str, mark: str) -> dict[str, str]:
    """Return the labels by which a container is found again.

    Parameters
    ----------
    home, compute
        Whose it is.
    holder
        ``job`` or ``kernel``.
    mark
        ``JOB_ID/N``, or the kernel's id.
    """
    return {
        HOME_LABEL: home_digest(home),
        COMPUTE_LABEL: compute,
        HOLDER_LABEL: holder,
        MARK_LABEL: mark,
    }


def home_digest(home: Home) -> str:
    """Return what tells this studio's containers from another's on the same Engine."""
    return hashlib.sha256(os.fsencode(home.path)).hexdigest()[:16]


def user_of(settings: DockerSettings, about: EngineFacts) -> str:
    """Return who runs in a container: never root of the machine.

    The root of a rootless Engine is the user who started it, whose files are to be written.
    """
    if settings.user is not None:
        return settings.user if ":" in settings.user else f"{settings.user}:{settings.user}"
    if about.rootless:
        return "0:0"
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else NOBODY


def create(
    client: DockerClient, plan: Plan, settings: DockerSettings, about: EngineFacts
) -> Container:
    """Make a container, without starting it."""
    command = list(plan.command)
    return client.containers.create(
        plan.image,
        command=command[1:],
        entrypoint=command[:1],
        hostname=plan.hostname,
        labels=plan.labels,
        user=plan.user,
        environment={"HOME": "/tmp", "USER": "studio", "LOGNAME": "studio", **plan.env},  # noqa: S108  its own, in memory
        working_dir=plan.folder,
        detach=True,
        # Its first process takes in orphans and passes signals on.
        init=True,
        **_walls(plan, settings),
        **_limits(plan, settings, about),
        mounts=_mounts(plan, settings),
    )


def _walls(plan: Plan, settings: DockerSettings) -> dict[str, Any]:
    uid, _, gid = plan.user.partition(":")
    size = f",size={int(settings.tmp_size)}" if settings.tmp_size else ""
    temporary = f"rw,nosuid,nodev,exec,mode=1777,uid={uid},gid={gid}{size}"
    return {
        "read_only": True,
        "tmpfs": {"/tmp": temporary},  # noqa: S108
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "network_mode": "none" if settings.network == "off" else settings.network,
        # What it writes is read as it comes, and kept in the studio: not once more by the Engine.
        "log_config": {"Type": "none"},
        "ipc_mode": "private",
    }


def _limits(plan: Plan, settings: DockerSettings, about: EngineFacts) -> dict[str, Any]:
    cpus = min(plan.need.cpus, about.cpus)
    found: dict[str, Any] = {
        "nano_cpus": int(cpus * NANO),
        "pids_limit": settings.pids_limit,
        "shm_size": int(settings.shm_size),
    }
    if memory := memory_limit(plan.need, settings):
        # As much with swap as without: what is too much is told, and not swapped.
        found["mem_limit"] = found["memswap_limit"] = memory
    if plan.need.gpus:
        found["device_requests"] = [_gpu_request(plan)]
    return found


def memory_limit(need: Need, settings: DockerSettings) -> int:
    """Return how many bytes a container may hold; 0 for no limit of its own."""
    asked = int(need.memory or settings.memory or 0)
    return max(asked, LEAST_MEMORY) if asked else 0


def _gpu_request(plan: Plan) -> Any:
    from docker.types import DeviceRequest

    if plan.gpus:
        return DeviceRequest(device_ids=[str(each) for each in plan.gpus], capabilities=[["gpu"]])
    return DeviceRequest(count=plan.need.gpus, capabilities=[["gpu"]])


def _mounts(plan: Plan, settings: DockerSettings) -> list[Any]:
    from docker.types import Mount as BindMount

    asked = [(str(each.source), each.target, each.writable) for each in plan.mounts]
    asked += [parse_volume(each) for each in settings.volumes]
    return [
        BindMount(target, source, type="bind", read_only=not writable)
        for source, target, writable in asked
    ]


# -- those that are there


def find(
    client: DockerClient, home: Home, compute: str, mark: str | None = None
) -> list[Container]:
    """Return this studio's containers, running or not, of one job or kernel or of all."""
    wanted = [f"{HOME_LABEL}={home_digest(home)}", f"{COMPUTE_LABEL}={compute}"]
    if mark is not None:
        wanted.append(f"{MARK_LABEL}={mark}")
    return list(client.containers.list(all=True, ignore_removed=True, filters={"label": wanted}))


def remove(container: Container) -> None:
    """End a container with everything in it, and remove it; one that is gone is that already."""
    from docker.errors import APIError, NotFound

    with contextlib.suppress(NotFound):
        try:
            container.remove(force=True, v=True)
        except APIError as error:
            if error.status_code != 409:  # Somebody else removes it just now.
                raise


# -- whose the files are


def hand_over(paths: Iterable[Path], user: str) -> None:
    """Give files and folders to who runs in the container, where that is somebody else."""
    if (owner := ids(user)) is not None:
        _own(paths, *owner)


def ids(user: str) -> tuple[int, int] | None:
    """Return who runs in the container, where that is somebody else whom files can be given to."""
    uid, _, gid = user.partition(":")
    return (int(uid), int(gid or uid)) if os.getuid() == 0 and uid != "0" else None


def take_back(paths: Iterable[Path]) -> None:
    """Take them back, with everything that was made in them meanwhile."""
    if os.getuid() == 0:
        _own(paths, 0, os.getgid())


def _own(paths: Iterable[Path], uid: int, gid: int) -> None:
    # A link is changed itself, and never what it leads to.
    for path in paths:
        _change(path, uid, gid)
        for top, folders, files in os.walk(path):
            for name in (*folders, *files):
                _change(Path(top) / name, uid, gid)


def _change(path: Path, uid: int, gid: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.chown(path, uid, gid, follow_symlinks=False)
