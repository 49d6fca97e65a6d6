"""A Docker Engine of the tests' own, and an image for it that needs no registry.

The engine has its socket, its data and its container runtime in a folder of its own, leaves the
machine's network rules alone, and is ended by its number. The image is this Python with what a job
or a kernel needs; its archive is kept between runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from labstudio.compute.conformance_place import Place, place

IMAGE = "labstudio-test/python:1"
R_IMAGE = "labstudio-test/r:1"
PACKAGES = ("ipykernel", "cloudpickle", "numpy", "mlflow-skinny")
IMPORTED = ("ipykernel.kernelapp", "cloudpickle", "numpy", "mlflow.tracking")
# What those ask for and do without: an image is loaded the quicker, the fewer files it has.
SPARED = frozenset(
    (
        "cryptography",
        "cffi",
        "google-auth",
        "gitpython",
    )
)
PROGRAMS = ("sh", "bash", "cat", "env", "id", "ls", "sed", "sleep", "uname", "rm", "expr", "grep")
LEFT_OUT = shutil.ignore_patterns(
    "test", "tests", "idlelib", "tkinter", "ensurepip", "lib2to3", "turtledemo", "site-packages",
    "config-*", "*.a", "*.opt-?.pyc",
)  # fmt: skip
VOLUME = "/data"
START_S = 60.0
VERSION = "6"
"""To be raised when what is laid out below changes: archives of it are kept."""


class Engine:
    """A Docker Engine that can be restarted and killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start it, and wait until it answers."""
        folder = self.folder
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("dockerd", "-H", self.url, "--data-root", folder / "data"),
                    *("--exec-root", folder / "exec", "--pidfile", folder / "pid"),
                    *("--iptables=false", "--ip-forward=false", "--bridge=none", *options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_S
        while not self.answers():
            told = (folder / "log").read_text()[-2000:]
            assert self._process.poll() is None, told
            assert time.monotonic() < deadline, told
            time.sleep(0.05)

    def answers(self) -> bool:
        """Say whether it serves."""
        import docker

        try:
            with_engine = docker.DockerClient(base_url=self.url, timeout=5)
            with_engine.ping()
        except docker.errors.DockerException:
            return False
        with_engine.close()
        return True

    @cached_property
    def client(self) -> Any:
        """docker-py on it."""
        import docker

        return docker.DockerClient(base_url=self.url)

    def stop(self) -> None:
        """Stop it as the system's service manager would; its containers end."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def kill(self) -> None:
        """Kill it, and the container runtime that it started; its containers go on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        (self.folder / "pid").unlink(missing_ok=True)
        runtime = self.folder / "exec" / "containerd" / "containerd.pid"
        if runtime.exists():
            os.kill(int(runtime.read_text()), signal.SIGKILL)
            runtime.unlink()  # An engine that starts would take the number for a living one.


@dataclass(frozen=True)
class DockerEngine:
    """What the tests are given."""

    engine: Engine
    image: str

    @property
    def url(self) -> str:
        """What ``DOCKER_HOST`` would be."""
        return self.engine.url

    @property
    def client(self) -> Any:
        """docker-py on it."""
        return self.engine.client


def lacking() -> str | None:
    """Say what keeps an engine from being started here."""
    if shutil.which("dockerd") is None:
        return "dockerd is not installed (Debian: docker.io iptables)"
    if os.getuid() != 0:
        return "a Docker Engine of one's own is started by root alone"
    return None


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """An engine of this run's own, with an image of Python in it."""
    if (reason := lacking()) is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="ls-dk-"))
    engine = Engine(folder)
    engine.start()
    try:
        fill(engine)
        yield DockerEngine(engine, IMAGE)
    finally:
        end(engine)


def fill(engine: Engine) -> None:
    """Bring the image of Python into an engine."""
    load(engine.client, IMAGE, archive("python", _lay_python))


def end(engine: Engine) -> None:
    """Stop an engine, and remove all that it kept."""
    engine.client.close()
    engine.stop()
    _unmount(engine.folder)
    shutil.rmtree(engine.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def r_image(docker_engine: DockerEngine) -> str:
    """The name of an image that has R's kernel too."""
    if shutil.which("Rscript") is None or not Path("/usr/lib/R/site-library/IRkernel").exists():
        pytest.skip("R's kernel is not installed (Debian: r-base-core r-cran-irkernel)")
    load(docker_engine.client, R_IMAGE, archive("r", _lay_r))
    return R_IMAGE


def _unmount(folder: Path) -> None:
    """Take off what a killed engine left mounted."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if (at := line.split()[1]).startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", at], check=False, capture_output=True)


# -- the image


def load(client: Any, name: str, packed: Path) -> None:
    """Bring an archive into an engine as an image."""
    changes = ["ENV PATH=/opt/python/bin:/usr/local/bin:/usr/bin:/bin", "ENV LANG=C.UTF-8"]
    repository, _, tag = name.partition(":")
    client.api.import_image_from_file(str(packed), repository, tag=tag, changes=changes)


def archive(name: str, lay: Any) -> Path:
    """Return an image's archive, made unless one of the same content was made before."""
    kept = Path(tempfile.gettempdir()) / f"labstudio-images-{os.getuid()}"
    kept.mkdir(mode=0o700, exist_ok=True)
    packed = kept / f"{name}-{_fingerprint()}.tar"
    with (kept / f"{name}.lock").open("w") as lock, tempfile.TemporaryDirectory(dir=kept) as place:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if packed.exists():
            return packed
        root = Path(place) / "root"
        root.mkdir()
        lay(root)
        half = Path(place) / "half.tar"
        with tarfile.open(half, "w") as tar:
            tar.add(root, arcname=".", filter=_for_everybody)
        half.replace(packed)
    return packed


def _fingerprint() -> str:
    about = [VERSION, sys.version]
    about += [f"{each.name}={each.version}" for each in _distributions(PACKAGES)]
    return hashlib.sha256("\n".join(about).encode()).hexdigest()[:16]


def _for_everybody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode |= 0o555 if entry.isdir() or entry.mode & 0o100 else 0o444
    return entry


def _lay_python(root: Path) -> None:
    """Lay out this Python, what kernels need, and a few programs."""
    prefix, version = root / "opt" / "python", f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library = prefix / "lib" / version
    shutil.copytree(sysconfig.get_path("stdlib"), library, ignore=LEFT_OUT, symlinks=True)
    # What is compiled here by that is taken along, and nothing else: it is what is imported there.
    subprocess.run([sys.executable, "-c", f"import {', '.join(IMPORTED)}"], check=True)
    for each in _distributions(PACKAGES):
        _copy_distribution(each, library / "site-packages")
    # As a wheel, one file: whoever builds an image on this one installs with it.
    bundled = Path(sysconfig.get_path("stdlib")) / "ensurepip" / "_bundled"
    for pip in bundled.glob("pip-*.whl"):
        shutil.copy2(pip, prefix / pip.name)
        (library / "site-packages" / "pip.pth").write_text(f"/opt/python/{pip.name}\n")
    (prefix / "bin").mkdir()
    binary = Path(sys.executable).resolve()
    for name in ("python3", "python"):
        shutil.copy2(binary, prefix / "bin" / name)
    found = [binary, *(path for path in library.rglob("*.so*") if path.is_file())]
    (root / "usr" / "bin").mkdir(parents=True)
    (root / "bin").symlink_to("usr/bin")
    for name in PROGRAMS:
        program = Path(shutil.which(name) or "").resolve()
        shutil.copy2(program, root / "usr" / "bin" / name)
        found.append(program)
    _copy_libraries(found, root)
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    for name in ("tmp", "proc", "sys", "dev", "root"):
        (root / name).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)


def _lay_r(root: Path) -> None:
    """Lay out Python as above, and R with its kernel."""
    _lay_python(root)
    for name in ("usr/lib/R", "usr/share/R", "etc/R"):
        shutil.copytree(f"/{name}", root / name, symlinks=True, dirs_exist_ok=True)
    for name in ("R", "Rscript", "which", "dirname", "basename", "mkdir", "cp", "mv", "tr"):
        program = Path(shutil.which(name) or "").resolve()
        shutil.copy2(program, root / "usr" / "bin" / name)
    found = [path for path in (root / "usr/lib/R").rglob("*.so") if path.is_file()]
    found += [path for path in (root / "usr/bin").iterdir() if path.is_file()]
    _copy_libraries([*found, Path("/usr/lib/R/bin/exec/R")], root)


def _distributions(names: tuple[str, ...]) -> list[importlib.metadata.Distribution]:
    """Return what some packages are made of, those that they need included."""
    found: dict[str, importlib.metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found or name in SPARED:
            continue
        try:
            found[name] = each = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # For another system.
        for line in each.requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return [found[name] for name in sorted(found)]


def _copy_distribution(each: importlib.metadata.Distribution, target: Path) -> None:
    base = Path(str(each.locate_file(""))).resolve()
    for file in each.files or []:
        if "tests" in file.parts:
            continue
        source = Path(str(file.locate())).resolve()
        if not source.is_relative_to(base) or not source.is_file():
            continue
        compiled = Path(cache_from_source(str(source))) if source.suffix == ".py" else source
        for one in {source, compiled}:
            if one.exists():
                at = target / one.relative_to(base)
                at.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(one, at)


def _copy_libraries(found: list[Path], root: Path) -> None:
    """Copy the shared libraries that programs and modules are linked with, to their own places."""
    told = subprocess.run(["ldd", *found], capture_output=True, text=True, check=False).stdout
    for name in sorted(set(re.findall(r"(/[^\s:()]+)(?= \(0x)", told))):
        source = Path(name)
        # What stands beside a module in its wheel is there already; the rest the loader looks for.
        if "site-packages" in name or not source.exists():
            continue
        system = name.startswith(("/lib", "/usr/lib"))
        at = root / name.lstrip("/") if system else root / "usr" / "lib" / source.name
        if not at.exists():
            at.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, at)


def tarred(files: dict[str, str]) -> io.BytesIO:
    """Pack files given by content, for what takes an archive."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content.encode()))
    held.seek(0)
    return held


# -- a studio with a compute of it


def entry(engine: DockerEngine, **settings: Any) -> dict[str, Any]:
    """Return the engine's entry in ``compute.toml``."""
    return {"type": "docker", "image": engine.image, "docker_host": engine.url, **settings}


@pytest.fixture(scope="session")
def docker_place(
    docker_engine: DockerEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A studio whose jobs go to containers, shared by the tests of one process."""
    volume = tmp_path_factory.mktemp("volume")
    (volume / "data").write_text("to be read")
    # Whoever runs in there might write it, were it not mounted read-only.
    volume.chmod(0o777)
    with place(entry(docker_engine, volumes=[f"{volume}:{VOLUME}"])) as made:
        yield made
