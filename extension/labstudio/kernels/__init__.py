"""Kernels on computes: kept apart from JupyterLab, found again, listed and ended."""
