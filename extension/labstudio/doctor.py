"""What ``labstudio doctor`` finds: what is installed and reachable, and how to mend what is not."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from labstudio._version import __version__
from labstudio.status import Check, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from labstudio._studio import Studio

LOW_SPACE_BYTES = 2 << 30
REACH_S = 3.0
TOOLS = {
    "git": "Jobs record no commit without it: install git.",
    "uv": "Environments of jobs are built with pip, which is slower: pip install uv.",
    "R": "R scripts and notebooks cannot run: install R and the package IRkernel.",
    "docker": "Computes in containers need it: install Docker.",
}

State = Literal["ok", "warning", "error"]


def examine(studio: Studio) -> Report:
    """Make every check; one that breaks is a finding, never an exception.

    Returns
    -------
    Report
        ``ok`` unless a check is an error.
    """
    checks: list[Check] = []
    for name, check in CHECKS.items():
        try:
            checks.extend(check(studio))
        except Exception as error:  # A finding by itself: doctor must speak when all is broken.
            checks.append(
                Check(name=name, state="error", message=f"{type(error).__name__}: {error}")
            )
    return Report(ok=all(check.state != "error" for check in checks), checks=checks)


def _python(studio: Studio) -> Iterator[Check]:
    version = platform.python_version()
    good = sys.version_info >= (3, 11)
    yield Check(
        name="python",
        state="ok" if good else "error",
        message=f"Python {version} ({sys.executable})",
        mend=None if good else "labstudio needs Python 3.11 or newer.",
    )


def _packages(studio: Studio) -> Iterator[Check]:
    from packaging.requirements import Requirement

    yield Check(name="labstudio", state="ok", message=f"labstudio {__version__}")
    try:
        required = importlib.metadata.requires("labstudio") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check(
            name="packages",
            state="warning",
            message="labstudio runs from a folder and is not installed.",
            mend="pip install labstudio, or pip install -e . in a checkout.",
        )
        return
    wrong, found = [], []
    for requirement in map(Requirement, required):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if requirement.specifier.contains(version, prereleases=True):
            found.append(f"{requirement.name} {version}")
        else:
            wrong.append(f"{requirement.name} is {version}, needed is {requirement.specifier}")
    yield Check(
        name="packages",
        state="error" if wrong else "ok",
        message="; ".join(wrong) if wrong else f"all {len(found)} needed packages fit",
        mend="pip install --upgrade labstudio" if wrong else None,
    )


def _home(studio: Studio) -> Iterator[Check]:
    studio.home.create()
    free = shutil.disk_usage(studio.home.path).free
    probe = studio.home.path / f".doctor-{os.getpid()}"
    probe.write_bytes(b"")
    probe.unlink()
    low = free < LOW_SPACE_BYTES
    yield Check(
        name="home",
        state="warning" if low else "ok",
        message=f"{studio.home.path} can be written, {free / 1e9:.1f} GB free",
        mend="Delete old jobs, set retain_days, or move LABSTUDIO_HOME." if low else None,
    )


def _database(studio: Studio) -> Iterator[Check]:
    import sqlalchemy as sa

    with studio.database.read() as connection:
        jobs = connection.execute(sa.text("select count(*) from jobs")).scalar_one()
    kind = studio.database.engine.dialect.name
    yield Check(name="database", state="ok", message=f"{kind}, up to date, {jobs:,} jobs")


def _daemon(studio: Studio) -> Iterator[Check]:
    now = studio.keeper.status()
    states: dict[str, State] = {"running": "ok", "starting": "ok", "outdated": "error"}
    known = f" (process {now.pid}, labstudio {now.version})" if now.pid else ""
    yield Check(
        name="daemon",
        state=states.get(now.state, "warning"),
        message=f"{now.state}{known}",
        mend=None if now.state == "running" else now.message,
    )


def _warm_kernels(studio: Studio) -> Iterator[Check]:
    from labstudio.daemon.keeper import read_daemon

    told = read_daemon(studio.home)
    if told is None:
        return
    cost = f"{told.warm_memory_bytes / 1e6:,.0f} MB"
    yield Check(
        name="warm kernels",
        state="ok",
        message=f"{told.warm_ready} of {told.warm_wanted} ready, together {cost} of memory",
        mend=None,
    )


def _tracking(studio: Studio) -> Iterator[Check]:
    from labstudio.experiments.connection import connection, is_ready

    if not studio.config.tracking:
        yield Check(name="tracking", state="warning", message="switched off")
        return
    if not studio.home.tracking_json.exists():
        yield Check(
            name="tracking",
            state="warning",
            message="MLflow's server is not running.",
            mend="It runs with the daemon: labstudio daemon",
        )
        return
    url = connection(studio.home).url
    ready = is_ready(studio.home, REACH_S)
    version = importlib.metadata.version("mlflow")
    yield Check(
        name="tracking",
        state="ok" if ready else "error",
        message=f"MLflow {version} at {url}" if ready else f"MLflow's server is silent at {url}.",
        mend=None if ready else f"See {studio.home.tracking_log}.",
    )


def _labextension(studio: Studio) -> Iterator[Check]:
    from jupyter_core.paths import jupyter_path

    folders = [Path(path) / "labstudio" for path in jupyter_path("labextensions")]
    folder = next((each for each in folders if (each / "package.json").is_file()), None)
    mend = "pip install --force-reinstall labstudio"
    if folder is None:
        yield Check(name="labextension", state="error", message="not installed", mend=mend)
        return
    disabled = _disabled_extensions()
    yield Check(
        name="labextension",
        state="error" if disabled else "ok",
        message="disabled" if disabled else f"installed in {folder}",
        mend="jupyter labextension enable labstudio" if disabled else None,
    )


def _disabled_extensions() -> bool:
    from jupyterlab.commands import get_app_info  # type: ignore[import-untyped]

    disabled = get_app_info().get("disabled", {})
    return any(name == "labstudio" or name.startswith("labstudio:") for name in disabled)


def _server_extension(studio: Studio) -> Iterator[Check]:
    from jupyter_core.paths import jupyter_config_path
    from jupyter_server.extension.config import ExtensionConfigManager

    manager = ExtensionConfigManager(read_config_path=jupyter_config_path())
    found = manager.get_jpserver_extensions()  # type: ignore[no-untyped-call]
    enabled = found.get("labstudio_server")
    yield Check(
        name="server extension",
        state="ok" if enabled else "error",
        message="enabled" if enabled else "disabled" if enabled is False else "not installed",
        mend=None if enabled else "jupyter server extension enable labstudio_server",
    )


def _computes(studio: Studio) -> Iterator[Check]:
    for kind in studio.computes.kinds().items:
        yield Check(
            name=f"{kind.type} computes",
            state="ok" if kind.available else "warning",
            message="can be used" if kind.available else "cannot be used",
            mend=kind.message or None,
        )
    page = studio.computes.list()
    for problem in page.problems:
        yield Check(name="compute.toml", state="warning", message=problem)
    for each in page.items:
        wrong = each.state in ("invalid", "unreachable")
        yield Check(
            name=f"compute {each.name}",
            state="warning" if wrong else "ok",
            message=each.message or f"{each.type}, {each.state}",
            mend=f"labstudio compute test {each.name}" if wrong else None,
        )


def _tools(studio: Studio) -> Iterator[Check]:
    for name, mend in TOOLS.items():
        path = shutil.which(name)
        beside = Path(sys.executable).with_name(name)
        found = path or (str(beside) if beside.is_file() else None)
        yield Check(
            name=name,
            state="ok" if found else "warning",
            message=f"{_version(found)} ({found})" if found else "not found",
            mend=None if found else mend,
        )


def _version(program: str) -> str:
    try:
        told = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=REACH_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "found"
    lines = (told.stdout or told.stderr).strip().splitlines()
    return lines[0] if lines else "found"


CHECKS: dict[str, Callable[[Studio], Iterator[Check]]] = {
    "python": _python,
    "packages": _packages,
    "home": _home,
    "database": _database,
    "daemon": _daemon,
    "warm kernels": _warm_kernels,
    "tracking": _tracking,
    "labextension": _labextension,
    "server extension": _server_extension,
    "computes": _computes,
    "tools": _tools,
}
