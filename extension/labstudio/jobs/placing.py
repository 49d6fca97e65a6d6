"""Where a job runs when nobody says: where its notebook's kernel is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labstudio.compute.models import LOCAL
from labstudio.kernels import PREFIX

if TYPE_CHECKING:
    from labstudio.jobs.models import CreateJob


def parted(kernel: str) -> tuple[str | None, str]:
    """Part a kernelspec's name into its compute, if it is of one, and its name there.

    >>> parted("labstudio.gpu-box.python3")
    ('gpu-box', 'python3')
    >>> parted("ir")
    (None, 'ir')
    """
    # A compute's name has no dot, and an offer's is the kernel's name there.
    if kernel.startswith(PREFIX) and kernel.count(".") > 1:
        _, compute, name = kernel.split(".", 2)
        return compute, name
    return None, kernel


def placed(spec: CreateJob, own: str | None) -> CreateJob:
    """Say in a spec where its job runs, and its kernel by the name that it has there.

    Parameters
    ----------
    spec
        What is asked for; a compute that it names stands.
    own
        The compute that the notebook's own kernel is of, if it is of one.
    """
    compute, kernel = own, spec.kernel_name
    if kernel is not None:
        compute, kernel = parted(kernel)
    where = spec.compute or compute or LOCAL
    return spec.model_copy(update={"compute": where, "kernel_name": kernel})
