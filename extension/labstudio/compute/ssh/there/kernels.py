"""Kernels on the host: their relays are started apart from the link, looked at, ended."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.compute.ssh.there.attempts import (
    SWEEP_AFTER_S,
    boot_id,
    end,
    living,
    older,
    read,
)

if TYPE_CHECKING:
    from labstudio.compute.ssh.there.files import Files, Request

RELAY, ENDED, USES = "relay.json", "ended.json", "uses.json"
MARK = "LABSTUDIO_KERNEL"
SETTLE_S = 8


class Kernels:
    """Kernels whose folders lie below the studio's folder here."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def launch(self, request: Request) -> Request:
        """Start a relay, with its kernel, in a session of its own; one that lives stays.

        A spare is used where there is one, and the next is made ready.
        """
        order = request["order"]
        folder, sockets = self._folder(order["id"]), sockets_of(order["id"])
        if _state(folder)["state"] == "running":
            return {"sockets": str(sockets)}
        _end(folder)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(sockets, ignore_errors=True)
        for made in (folder, sockets):
            made.mkdir(mode=0o700, parents=True)
        cwd = Path(order["cwd"] or folder / "work")
        cwd.mkdir(parents=True, exist_ok=True)
        order.update(folder=str(folder), sockets=str(sockets), cwd=str(cwd))
        (folder / USES).write_text(json.dumps({"environments": request["uses"]}))
        said = _woken(order, request["spare"]) or _started(order, request["argv"])
        if not said.get("ready"):
            lines = (folder / "relay.log").read_text(errors="replace").strip().splitlines()
            _end(folder)
            raise RuntimeError(said.get("error") or (lines[-1] if lines else "the relay ended"))
        if request["spare"]:
            _prepare(request["spare"])
        return {"sockets": str(sockets)}

    def state(self, request: Request) -> Request:
        """Say how a kernel is: running, ended, rebooted, or gone."""
        kernel = request["kernel"]
        return {**_state(self._folder(kernel)), "sockets": str(sockets_of(kernel))}

    def end(self, request: Request) -> Request:
        """End a kernel with all that it started, and remove what is left of it."""
        folder = self._folder(request["kernel"])
        killed = _end(folder)
        shutil.rmtree(folder, ignore_errors=True)
        sockets = sockets_of(request["kernel"])
        shutil.rmtree(sockets, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            sockets.with_suffix(".gateway").unlink()
        return {"killed": killed}

    def sweep(self, request: Request) -> Request:
        """End the kernels that nobody keeps; return how many. What the others use is in use."""
        removed = 0
        for folder in self._files.root.glob("kernels/*"):
            if folder.name not in request["keep"] and older(folder, SWEEP_AFTER_S):
                self.end({"kernel": folder.name})
                removed += 1
            for environment in read(folder / USES).get("environments", ()):
                with contextlib.suppress(OSError):
                    os.utime(environment)
        return {"removed": removed}

    def specs(self, request: Request) -> Request:
        """Return the kernelspecs that are installed here, the nearest to the user first."""
        found: dict[str, Any] = {}
        for place in _places(request["prefixes"]):
            for file in sorted(place.glob("*/kernel.json")):
                try:
                    spec = json.loads(file.read_bytes())
                except (OSError, ValueError):
                    continue
                argv = [part.replace("{resource_dir}", str(file.parent)) for part in spec["argv"]]
                if shutil.which(argv[0]):
                    found.setdefault(file.parent.name.lower(), {**spec, "argv": argv})
        if "ir" not in found and _has_irkernel():
            argv = ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
            found["ir"] = {"argv": argv, "display_name": "R", "language": "R"}
        return {"specs": found}

    def _folder(self, kernel_id: str) -> Path:
        if "/" in kernel_id or kernel_id in ("", ".", ".."):
            raise ValueError("the kernel's id is no name")
        return self._files.root / "kernels" / kernel_id


def _started(order: Request, argv: list[str]) -> Request:
    """Start a relay; return what it said."""
    with Path(order["folder"], "relay.log").open("ab") as log:
        relay = _spawn(argv, order, log, {MARK: order["id"]})
    assert relay.stdout is not None
    with relay.stdout as said:
        found: Request = json.loads(said.readline() or b"{}")
    return found


def _woken(order: Request, spare: Request) -> Request:
    """Have the spare keep the kernel; return what it said, nothing where there is none."""
    early = {name for name in order["env"] if name.startswith(("PYTHON", "LD_"))}
    if not spare or early - {"PYTHONPATH"}:
        return {}  # what is read when Python starts, a spare cannot take on
    path = _spare_socket(spare)
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))
            asking.sendall(json.dumps(order).encode() + b"\n")
            line = asking.makefile("rb").readline()
    except OSError:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        return {}
    found: Request = json.loads(line or b"{}")
    return found


def _prepare(spare: Request) -> None:
    """Have a spare once the kernel that was just started has the processor for itself.

    What waits until then is a shell: it costs nothing, and outlives the link.
    """
    path = _spare_socket(spare)
    if not path.exists():
        told = {"python": spare["python"], "socket": str(path)}
        later = ["sh", "-c", f'sleep {SETTLE_S}; exec "$@"', "sh", *spare["argv"]]
        _spawn(later, told, subprocess.DEVNULL, {})


def _spare_socket(spare: Request) -> Path:
    mark = hashlib.sha256(json.dumps(spare, sort_keys=True).encode()).hexdigest()[:16]
    return sockets_of(f"spare-{mark}")


def _spawn(
    argv: list[str], told: Request, log: Any, env: dict[str, str]
) -> subprocess.Popen[bytes]:
    """Start a program apart from the link, and tell it what it is."""
    started = subprocess.Popen(
        argv,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        env={**os.environ, **env},
        start_new_session=True,
    )
    assert started.stdin is not None
    with started.stdin as words:
        words.write(json.dumps(told).encode() + b"\n")
    return started


def sockets_of(kernel_id: str) -> Path:
    """Return the folder of a kernel's sockets: private, and with a short path."""
    base = Path(f"/tmp/labstudio-{os.getuid()}")
    base.mkdir(mode=0o700, exist_ok=True)
    about = base.lstat()
    if base.is_symlink() or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise PermissionError(f"{base} is not a private folder of this user")
    return base / f"k-{kernel_id}"


def _state(folder: Path) -> dict[str, Any]:
    relay = read(folder / RELAY)
    if not relay:
        return {"state": "gone"}
    if ended := read(folder / ENDED):
        return {"state": "ended", "ended": ended}
    if living(relay) is not None:
        return {"state": "running"}
    rebooted = relay.get("boot_id") not in (None, boot_id())
    return {"state": "rebooted" if rebooted else "gone"}


def _end(folder: Path) -> int:
    return end(read(folder / RELAY), f"{MARK}={folder.name}")


def _places(prefixes: list[str]) -> list[Path]:
    """Return the folders in which Jupyter looks for kernelspecs."""
    data = os.environ.get("JUPYTER_DATA_DIR") or "~/.local/share/jupyter"
    named = [each for each in os.environ.get("JUPYTER_PATH", "").split(os.pathsep) if each]
    prefixes = [*prefixes, sys.prefix, "/usr/local", "/usr"]
    shared = [f"{prefix}/share/jupyter" for prefix in prefixes]
    return [Path(os.path.expanduser(each)) / "kernels" for each in [*named, data, *shared]]


def _has_irkernel() -> bool:
    if shutil.which("Rscript") is None:
        return False
    looked = subprocess.run(
        ["Rscript", "-e", "find.package('IRkernel')"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return looked.returncode == 0
