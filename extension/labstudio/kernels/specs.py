"""Kernelspecs of the kernels that computes offer: "Python 3 @ gpu-box" in the launcher."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

from labstudio.compute.kernel_host import KernelOffer
from labstudio.home import PRIVATE_FOLDER, write_atomic
from labstudio.kernels import PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from labstudio.home import Home

PROVISIONER = "labstudio-compute"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")


def spec_name(compute: str, offer: str) -> str:
    """Return the kernelspec's name of a compute's kernel.

    >>> spec_name("gpu-box", "Python3")
    'labstudio.gpu-box.python3'
    """
    return f"{PREFIX}{compute}.{_NOT_IN_A_NAME.sub('-', offer.lower())}"


def shown_name(compute: str, offer: KernelOffer) -> str:
    """Return what the launcher shows.

    >>> ipykernel = KernelOffer(name="p", display_name="Python 3 (ipykernel)", language="python")
    >>> shown_name("gpu-box", ipykernel)
    'Python 3 @ gpu-box'
    """
    return f"{offer.display_name.removesuffix(' (ipykernel)')} @ {compute}"


def content(home: Home, compute: str, offer: KernelOffer) -> dict[str, Any]:
    """Return the ``kernel.json`` of a compute's kernel."""
    stanza = {
        "provisioner_name": PROVISIONER,
        "config": {"home": str(home.path), "compute": compute},
    }
    return {
        "argv": offer.argv,
        "env": offer.env,
        "display_name": shown_name(compute, offer),
        "language": offer.language,
        # The provisioner is always asked: the keeper knows how this kernel is interrupted.
        "interrupt_mode": "signal",
        "metadata": {
            **offer.metadata,
            "kernel_provisioner": stanza,
            "labstudio": {
                "compute": compute,
                "offer": offer.name,
                "display_name": offer.display_name,
                "interrupt_mode": offer.interrupt_mode,
            },
        },
    }


def offer_of(spec: dict[str, Any]) -> KernelOffer:
    """Read the offer back from the content of a ``kernel.json``."""
    metadata = dict(spec["metadata"])
    told = metadata.pop("labstudio")
    metadata.pop("kernel_provisioner", None)
    return KernelOffer(
        name=told["offer"],
        display_name=told["display_name"],
        language=spec["language"],
        argv=spec["argv"],
        env=spec.get("env", {}),
        metadata=metadata,
        interrupt_mode=told["interrupt_mode"],
    )


def lay(home: Home, compute: str, offers: Iterable[KernelOffer]) -> bool:
    """Have exactly these kernels of a compute among the kernelspecs; say whether that is new."""
    wanted = {spec_name(compute, offer.name): offer for offer in offers}
    changed = False
    for folder in _folders(home):
        if _compute_of(folder) == compute and folder.name not in wanted:
            shutil.rmtree(folder, ignore_errors=True)
            changed = True
    for name, offer in wanted.items():
        changed |= _write(home.kernelspecs / name, content(home, compute, offer))
    return changed


def keep_only(home: Home, computes: Collection[str]) -> bool:
    """Remove the kernelspecs of computes that there are no more; say whether there were any."""
    gone = [folder for folder in _folders(home) if _compute_of(folder) not in computes]
    for folder in gone:
        shutil.rmtree(folder, ignore_errors=True)
    return bool(gone)


def _folders(home: Home) -> list[Path]:
    return [path for path in home.kernelspecs.glob(f"{PREFIX}*") if path.is_dir()]


def _compute_of(folder: Path) -> str:
    # A compute's name has no dot.
    return folder.name.removeprefix(PREFIX).partition(".")[0]


def _write(target: Path, spec: dict[str, Any]) -> bool:
    text = json.dumps(spec, indent=1)
    file = target / "kernel.json"
    if file.exists() and file.read_text() == text:
        return False
    target.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    _copy_logos(target, spec["language"])
    write_atomic(file, text, durable=False)
    return True


def _copy_logos(target: Path, language: str) -> None:
    """Let the launcher show the language's picture, where some kernel here has one."""
    from jupyter_client.kernelspec import KernelSpecManager

    for path in KernelSpecManager().find_kernel_specs().values():
        file = target.parent / path / "kernel.json"
        try:
            same = json.loads(file.read_bytes()).get("language", "").lower() == language.lower()
        except (OSError, ValueError):
            continue
        if same:
            for logo in file.parent.glob("logo-*"):
                shutil.copyfile(logo, target / logo.name)
            return
