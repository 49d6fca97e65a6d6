"""The Pythons that a job runs with on a host: the user's own, or built there from the lock."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from labstudio.compute.ssh import packages
from labstudio.errors import InvalidInput, Unavailable
from labstudio.jobs.models import JobKind
from labstudio.jobs.requirements import normalise
from labstudio.jobs.runner.faults import RunError
from labstudio.jobs.snapshot import blob_path, store_bytes, store_file

if TYPE_CHECKING:
    from labstudio.compute.kind import Order
    from labstudio.compute.ssh.remote import Remote
    from labstudio.compute.ssh.settings import SshSettings
    from labstudio.home import Home

# What a Python has and lacks, as pip's own metadata tells.
LOOK = """
import importlib.metadata as m, json, sys
found = {}
for name in json.loads(sys.argv[1]):
    try: found[name] = m.version(name)
    except m.PackageNotFoundError: pass
print(json.dumps([list(sys.version_info[:3]), sys.executable, found]))
"""
LOOKED_FOR_S = 300.0
PROBE_S = 40.0
TAIL_LINES = 12


@dataclass(frozen=True)
class Chosen:
    """The Pythons of one attempt, by their paths on the host.

    Attributes
    ----------
    runner
        Runs the runner.
    code
        Runs the user's code; None: the runner's own.
    uses
        The environments among them, which must not be removed meanwhile.
    """

    runner: str
    code: str | None
    uses: tuple[str, ...] = ()


class Environments:
    """The environments on one host.

    Parameters
    ----------
    home
        Keeps what is downloaded here for it.
    settings, remote
        The host.
    """

    def __init__(self, home: Home, settings: SshSettings, remote: Remote) -> None:
        self._home = home
        self._settings = settings
        self._remote = remote
        self._looked: dict[str, tuple[float, Any]] = {}
        self._ready: set[str] = set()
        self._reaches_index: bool | None = None

    async def choose(self, order: Order) -> Chosen:
        """Have ready what an attempt runs with.

        Raises
        ------
        StudioError, RunError
            When it cannot be had.
        """
        asked = order.spec.environment
        named = asked.python or self._settings.python
        lines = normalise([*asked.requirements, *self._settings.packages])
        if named is not None and not lines:
            return await self._over(named, order)
        base = named or await self._python()
        if asked.requirements:
            code = await self._built(base, [*lines, *packages.KERNEL], order)
            runner = await self._runner(order)
            return Chosen(runner, code, (runner, code))
        assert order.spec.snapshot is not None
        modules = packages.imported(self._home, order.spec.snapshot)
        pinned, folders = packages.pinned(modules)
        for name in folders:
            order.say(f"{name} is installed here from a folder, which does not travel.")
        await self._tell_version(base, order)
        both = await self._built(base, _merged(pinned, lines), order)
        return Chosen(both, None, (both,))

    async def _tell_version(self, python: str, order: Order) -> None:
        version, _, _ = await self._look(python)
        here, there = sys.version_info[:2], tuple(version[:2])
        if there != here:
            order.say(
                f"Python is {there[0]}.{there[1]} on the host and {here[0]}.{here[1]} here: "
                "packages have the versions of here all the same."
            )

    async def _over(self, named: str, order: Order) -> Chosen:
        """Use an interpreter with its packages; what is lacking lies in an environment over it."""
        version, python, found = await self._look(named)
        if version >= list(packages.PYTHON) and _holds(found):
            return Chosen(python, None)
        needs_kernel = order.spec.kind is not JobKind.script
        lacking = [name for name in packages.KERNEL if name not in found]
        uses = []
        if needs_kernel and lacking:
            python = await self._built(python, lacking, order, over=True)
            uses.append(python)
        runner = await self._runner(order)
        return Chosen(runner, python, (runner, *uses))

    async def _runner(self, order: Order) -> str:
        """Return the studio's own environment, which no user's packages can break."""
        python = await self._python()
        pinned, _ = packages.pinned(())
        return await self._built(python, pinned, order)

    async def _python(self) -> str:
        """Return a Python of the host that the runner works with."""
        about = await self._remote.about()
        fitting = {
            tuple(map(int, version.split("."))): path
            for version, path in about["pythons"].items()
            if tuple(map(int, version.split("."))) >= packages.PYTHON
        }
        if tuple(about["python"][:2]) >= packages.PYTHON:
            return str(about["executable"])
        if sys.version_info[:2] in fitting:
            return str(fitting[sys.version_info[:2]])
        if fitting:
            return str(fitting[max(fitting)])
        oldest = ".".join(map(str, packages.PYTHON))
        raise InvalidInput(
            f"{self._settings.host} has Python {'.'.join(map(str, about['python']))}; jobs need "
            f"{oldest} or newer: install it there, or name one as `python`.",
            field="python",
        )

    async def _look(self, python: str) -> Any:
        """Return version, path, and packages of an interpreter there; remembered for a while."""
        at, found = self._looked.get(python, (0.0, None))
        if found is not None and monotonic() - at < LOOKED_FOR_S:
            return found
        about = await self._remote.about()
        path = python.replace("~", about["home"], 1) if python.startswith("~/") else python
        names = json.dumps(packages.RUNNER)
        wrong = InvalidInput(
            f"python: {python} is no Python that runs on {self._settings.host}.", field="python"
        )
        try:
            argv = ["/usr/bin/env", path, "-c", LOOK, names]
            done = await self._remote.ask("run", argv=argv, timeout_s=60)
            found = json.loads(done["output"].splitlines()[-1])
        except (ValueError, IndexError) as error:
            raise wrong from error
        self._looked[python] = (monotonic(), found)
        return found

    async def interpreter(self) -> tuple[str, list[int]]:
        """Return the Python that jobs run with or are built from, and its version."""
        version, path, _ = await self._look(self._settings.python or await self._python())
        return path, version

    async def way(self) -> str:
        """Say how a job's environment comes about on the host.

        Raises
        ------
        StudioError
            When it cannot.
        """
        _, path, found = await self._look(self._settings.python or await self._python())
        if self._settings.python and _holds(found):
            return f"{self._settings.python} has all that a job needs."
        host = self._settings.host
        done = await self._remote.ask("run", argv=[path, "-c", "import venv"], timeout_s=60)
        if done["code"]:
            raise InvalidInput(f"python: {path} on {host} makes no environments.", field="python")
        if await self._from_index():
            return f"Environments are made there; {host} fetches packages from its index."
        return f"Environments are made there; packages are brought from here to {host}."

    # -- building

    async def _built(
        self, python: str, lines: list[str], order: Order, *, over: bool = False
    ) -> str:
        """Return the interpreter of an environment, built if it is not there."""
        version, path, _ = await self._look(python)
        about = await self._remote.about()
        told = [path, version, about["libc"], about["machine"], over, lines]
        name = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
        environment = f"{about['root']}/environments/{name}"
        interpreter = f"{environment}/bin/python"
        if (await self._remote.ask("environment", path=environment))["ready"]:
            if name not in self._ready:
                self._ready.add(name)
                order.say(f"The environment {name[:12]} is there already.")
            return interpreter
        wheels = None if await self._from_index() else await self._bring(lines, version, order)
        order.say(f"Building an environment on {self._settings.host}: {', '.join(lines)}")
        build = {
            "environment": environment,
            "python": path,
            "over": over,
            "lines": lines,
            "pip": f"{about['root']}/{_blob(await self._carry(packages.pip()))}",
        }
        result = await self._build(name, build, wheels, order)
        if "error" in result:
            raise RunError("EnvironmentBuild", self._failed(result, order))
        order.say(f"The environment is ready after {result['seconds']:.1f} s.")
        return interpreter

    def _failed(self, result: dict[str, Any], order: Order) -> str:
        tail = [line for line in result["tail"].splitlines() if line.strip()][-TAIL_LINES:]
        said = " ".join(line.strip() for line in tail)[-1500:]
        return f"The environment cannot be built on {self._settings.host}: {said}"

    async def _build(
        self, name: str, build: dict[str, Any], wheels: dict[str, str] | None, order: Order
    ) -> dict[str, Any]:
        """Have it built apart from the link, and follow that to its end."""
        code = await self.code()
        script = f"{code}/labstudio/compute/ssh/there/build.py"
        about = await self._remote.about()
        argv = [about["executable"], "-E", "-s", script]
        await self._remote.ask(
            "build", argv=argv, folder=f"builds/{name}", wheels=wheels, build=build
        )
        ended: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        seen = 0
        tail = b""

        def wanted() -> dict[str, Any]:
            return {"folder": f"builds/{name}", "grow": {"log": seen}, "replaced": []}

        def hear(head: dict[str, Any], body: bytes) -> None:
            nonlocal seen, tail
            if "offset" in head:
                seen, tail = head["offset"] + len(body), (tail + body)[-65536:]
                for line in body.decode(errors="replace").splitlines():
                    order.say(line)
            elif head.get("name") == "result.json" and not ended.done():
                ended.set_result({**json.loads(body), "tail": tail.decode(errors="replace")})
            elif head.get("presence") in ("gone", "rebooted") and not ended.done():
                ended.set_exception(Unavailable("The building of the environment was ended."))

        number = self._remote.follow(wanted, hear)
        try:
            return await ended
        finally:
            self._remote.leave(number)

    async def code(self) -> str:
        """Return the folder there that holds labstudio's own code, brought if need be."""
        sha256, content = packages.sources()
        if sha256 not in self._ready:
            await self._carry((sha256, content))
            folder = f"code/{sha256[:32]}"
            await self._remote.ask("unpack", sha256=sha256, folder=folder)
            self._ready.add(sha256)
        return f"{(await self._remote.about())['root']}/code/{sha256[:32]}"

    async def _carry(self, content: tuple[str, bytes]) -> str:
        sha256 = await asyncio.to_thread(store_bytes, self._home.create(), content[1])
        await self._remote.push({sha256: blob_path(self._home, sha256)})
        return sha256

    async def _from_index(self) -> bool:
        """Say whether the host fetches packages itself: it is tried once."""
        if self._settings.packages_from != "auto":
            return self._settings.packages_from == "index"
        if self._reaches_index is None:
            about = await self._remote.about()
            pip = f"{about['root']}/{_blob(await self._carry(packages.pip()))}/pip"
            argv = [about["executable"], pip, "download", "--no-deps", "--no-cache-dir"]
            argv += ["--retries=0", "--timeout=5", "--disable-pip-version-check", "-d"]
            argv += [f"{about['root']}/probe", "cloudpickle"]
            try:
                done = await self._remote.ask("run", argv=argv, timeout_s=PROBE_S)
                self._reaches_index = done["code"] == 0
            except Unavailable:
                raise
            except Exception:
                self._reaches_index = False
        return self._reaches_index

    async def _bring(self, lines: list[str], version: list[int], order: Order) -> dict[str, str]:
        """Download wheels here for the host's Python and bring them there; return name to hash."""
        order.say(f"{self._settings.host} reaches no package index: wheels are brought from here.")
        about = await self._remote.about()
        folder = (
            self._home.create().path
            / "wheels"
            / hashlib.sha256(
                json.dumps([lines, version[:2], about["libc"], about["machine"]]).encode()
            ).hexdigest()[:32]
        )
        options = [word for line in lines if line.startswith("-") for word in line.split(None, 1)]
        wanted = [line for line in lines if not line.startswith("-")]
        options += packages.platform_options(about, tuple(version))
        done = folder / "done"
        if not done.exists():
            await asyncio.to_thread(_download, folder, [*options, *wanted], order)
            done.touch()
        wheels: dict[str, str] = {}
        for path in sorted(folder.glob("*.whl")):
            sha256, _ = await asyncio.to_thread(store_file, self._home, path)
            wheels[path.name] = sha256
        sent = await self._remote.push({sha: blob_path(self._home, sha) for sha in wheels.values()})
        order.say(f"{len(wheels)} wheels are there, {sent / 1e6:.1f} MB of them brought now.")
        return wheels


def _download(folder: Any, words: list[str], order: Order) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "-d", str(folder), *words]
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, stdin=subprocess.DEVNULL)
        while process.poll() is None:
            if order.given_up.wait(0.1):
                process.kill()
        told.seek(0)
        said = told.read()
    if process.returncode:
        lines = [line.strip() for line in said.splitlines() if line.strip()][-TAIL_LINES:]
        raise RunError(
            "EnvironmentBuild",
            "The wheels for the host cannot be had here: " + " ".join(lines)[-1500:],
            traceback=said,
        )


def _merged(pinned: list[str], lines: list[str]) -> list[str]:
    """Put the compute's own lines before the pins, which give way to them."""
    from packaging.requirements import Requirement

    named = {Requirement(line).name for line in lines if not line.startswith("-")}
    return [*lines, *(pin for pin in pinned if pin.partition("==")[0] not in named)]


def _holds(found: dict[str, str]) -> bool:
    """Say whether what is installed is enough for the runner."""
    from packaging.requirements import Requirement

    for line in packages.runner_lines():
        requirement = Requirement(line)
        version = found.get(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            return False
    return True


def _blob(sha256: str) -> str:
    return f"blobs/{sha256[:2]}/{sha256}"
