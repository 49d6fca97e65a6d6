"""Which kernels an image has: looked up once, and remembered by the image's id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from labstudio.compute.docker import images
from labstudio.compute.docker.engine import answering
from labstudio.compute.docker.inside import PYTHONS, R_ARGV, Inside, look_inside
from labstudio.compute.kernel_host import KernelOffer
from labstudio.errors import Unavailable
from labstudio.jobs.runner.faults import RunError
from labstudio.jobs.runner.protocol import read_model, write_model

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.compute.docker.kind import Docker
    from labstudio.home import Home

IPYKERNEL = ("-m", "ipykernel_launcher", "-f", "{connection_file}")
R_LIBRARIES = ("/usr/lib/R/site-library", "/usr/local/lib/R/site-library")


class ImageKernels(BaseModel):
    """What was found in an image."""

    image: str
    offers: list[KernelOffer]
    python: bool


def kernels_of(kind: Docker) -> ImageKernels:
    """Return the kernels of a compute's image, which is pulled or built where it is missing."""
    home = kind.host.home
    with answering(kind.settings.docker_host):
        try:
            image = images.ensure(kind.client, kind.settings, home)
        except RunError as error:
            raise Unavailable(str(error)) from error
        file = _file(home, image)
        known = read_model(file, ImageKernels)
        if known is None:
            with look_inside(kind.client, image) as inside:
                known = _look(inside, image, kind.settings.python)
            file.parent.mkdir(mode=0o700, exist_ok=True)
            write_model(file, known)
    return known


def _file(home: Home, image: str) -> Path:
    return home.path / "images" / f"kernels-{image.rpartition(':')[2][:24]}.json"


def _look(inside: Inside, image: str, python: str) -> ImageKernels:
    offers = {
        name: KernelOffer(
            name=name,
            display_name=spec.get("display_name", name),
            language=spec.get("language", ""),
            argv=spec["argv"],
            env=spec.get("env", {}),
            metadata=spec.get("metadata", {}),
            interrupt_mode=spec.get("interrupt_mode", "signal"),
        )
        for name, spec in inside.kernelspecs().items()
    }
    has_python = inside.has(python)
    if has_python and not any(each.language.lower() in PYTHONS for each in offers.values()):
        # Python needs no kernelspec there, only ipykernel.
        argv = [python, *IPYKERNEL]
        offers["python3"] = KernelOffer(
            name="python3", display_name="Python 3", language="python", argv=argv
        )
    has_r = any(inside.has(f"{library}/IRkernel/DESCRIPTION") for library in R_LIBRARIES)
    if has_r and not any(each.language.lower() == "r" for each in offers.values()):
        offers["ir"] = KernelOffer(name="ir", display_name="R", language="R", argv=list(R_ARGV))
    return ImageKernels(
        image=image, offers=[offers[name] for name in sorted(offers)], python=has_python
    )
