"""The one version number of the wheel, the daemon and the frontend."""

__version__ = "0.1.0"
