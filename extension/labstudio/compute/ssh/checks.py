"""``labstudio compute test``: what an attempt on a host needs, tried step by step."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from labstudio.compute.ssh.faults import Refused
from labstudio.compute.ssh.loop import loop
from labstudio.errors import StudioError
from labstudio.status import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labstudio.compute.ssh.kind import Ssh

SPARE_BYTES = 2 << 30


def checks(kind: Ssh) -> Iterator[Check]:
    """Give each finding; the first that nothing goes on after is the last."""
    host = kind.link.settings.host
    try:
        about = loop.do(kind.remote.about())
    except StudioError as error:
        name = "access" if isinstance(error, Refused) else "reach"
        sentence, _, mend = error.message.partition(": ")
        if not isinstance(error, Refused) or not mend:
            sentence, mend = (
                error.message,
                "Look at host, port, user and jump, and try `ssh` to it.",
            )
        yield Check(name=name, state="error", message=sentence, mend=mend)
        return
    yield Check(name="reach", state="ok", message=f"{host} is reached, and its key is trusted.")
    yield _system(about)
    yield _python(kind, about)
    look = loop.do(kind.remote.ask("look"))
    free = look["disk_bytes"] - look["disk_used_bytes"]
    yield Check(
        name="folder",
        state="ok" if free > SPARE_BYTES else "warning",
        message=f"{about['root']} can be written; {free / 1e9:.1f} GB are free.",
        mend=None if free > SPARE_BYTES else "Free some space, or set `folder` to another disk.",
    )
    yield from _environment(kind)
    names = ", ".join(gpu["name"] for gpu in look["gpus"])
    yield Check(name="gpu", state="ok", message=names or "nvidia-smi tells of no GPU there.")
    if about["ends_processes"]:
        yield Check(
            name="logout",
            state="warning",
            message="The host ends its users' processes when they log out: a cut ends jobs.",
            mend="Run `loginctl enable-linger` there.",
        )


def _system(about: dict[str, Any]) -> Check:
    linux = about["system"] == "Linux"
    return Check(
        name="system",
        state="ok" if linux else "error",
        message=f"{about['node']} is {about['system']} {about['machine']}.",
        mend=None if linux else "Jobs over SSH need Linux there.",
    )


def _python(kind: Ssh, about: dict[str, Any]) -> Check:
    try:
        path, version = loop.do(kind.environments.interpreter())
    except StudioError as error:
        return Check(
            name="python",
            state="error",
            message=error.message,
            mend="Install Python there, or name one as `python`.",
        )
    here = ".".join(map(str, sys.version_info[:2]))
    there = ".".join(map(str, version[:2]))
    return Check(
        name="python",
        state="ok" if here == there else "warning",
        message=f"Jobs run with {path}, Python {there}.",
        mend=None
        if here == there
        else f"Python is {here} here: what is pickled may not be read there.",
    )


def _environment(kind: Ssh) -> Iterator[Check]:
    try:
        told = loop.do(kind.environments.way())
    except StudioError as error:
        yield Check(
            name="environment",
            state="error",
            message=error.message,
            mend="Install the venv module there (python3-venv), or name a `python`.",
        )
        return
    yield Check(name="environment", state="ok", message=told)
