"""Kernels on computes: kept apart from JupyterLab, found again, listed and ended."""

PREFIX = "labstudio."
"""Begins the name of a kernelspec of a compute's kernel: ``labstudio.COMPUTE.NAME``."""
