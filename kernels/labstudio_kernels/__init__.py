"""Kernel provisioners: kernels that live elsewhere than below Jupyter Server."""
