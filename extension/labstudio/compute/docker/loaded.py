"""Everything that speaks to a Docker Engine; for processes that wait, or that fork others."""

import docker.errors
import docker.models.containers
import docker.types
import docker.utils.socket  # noqa: F401

import labstudio.compute.docker.images
import labstudio.compute.docker.kernel
import labstudio.compute.docker.kernels
import labstudio.compute.docker.place  # noqa: F401
