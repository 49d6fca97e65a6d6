"""How the helper comes to a host: as source, over the input of the host's Python."""

from __future__ import annotations

import json
import shlex
from functools import cache
from importlib.resources import files
from typing import Any

PACKAGE = "labstudio.compute.ssh.there"
MODULES = ("frames", "files", "attempts", "follower", "machine", "kernels", "helper")
# What the host's Python reads first: the modules, in order, and then what main is told.
BOOT = (
    "import sys,json,types\n"
    "sys.version_info>=(3,9) or sys.exit('python %d.%d'%sys.version_info[:2])\n"
    "r=sys.stdin.buffer;m=json.loads(r.read(int(r.readline())))\n"
    "for n,s in m['modules']:\n"
    " x=sys.modules[n]=types.ModuleType(n);p,_,c=n.rpartition('.')\n"
    " p and setattr(sys.modules[p],c,x)\n"
    " exec(compile(s,n,'exec'),x.__dict__)if s else setattr(x,'__path__',[])\n"
    "x.main(m['hello'])\n"
)


def command(python: str) -> str:
    """Return the shell command that runs the helper, which then comes over its input."""
    return f"exec {at_home(python)} -E -s -S -c {shlex.quote(BOOT)}"


def at_home(path: str) -> str:
    """Return a path for a shell there; a leading ``~/`` is the user's home."""
    if path.startswith("~/"):
        return f'"$HOME"/{shlex.quote(path[2:])}'
    return shlex.quote(path)


@cache
def _sources() -> tuple[tuple[str, str], ...]:
    parts = PACKAGE.split(".")
    packages = [(".".join(parts[: at + 1]), "") for at in range(len(parts))]
    texts = [
        (f"{PACKAGE}.{name}", (files(PACKAGE) / f"{name}.py").read_text("utf-8"))
        for name in MODULES
    ]
    return (*packages, *texts)


def boot(hello: dict[str, Any]) -> bytes:
    """Return what the helper is sent first."""
    return json.dumps({"modules": _sources(), "hello": hello}).encode()
