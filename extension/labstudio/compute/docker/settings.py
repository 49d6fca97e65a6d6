"""What an entry of ``compute.toml`` says about a compute of containers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, field_validator, model_validator

from labstudio.compute.models import ComputeSettings

MEGABYTE = 1 << 20


class DockerSettings(ComputeSettings):
    """Containers of one Docker Engine.

    Without `image`, `requirements` and `dockerfile` jobs run in the official image of this Python's
    version, with what notebooks need installed into it once.
    """

    image: str | None = Field(
        None, description="The image, or what `requirements` are installed on top of."
    )
    requirements: str | None = Field(
        None, description="A requirements file; the image with them is built once."
    )
    dockerfile: str | None = Field(None, description="A Dockerfile; its image is built once.")
    context: str | None = Field(
        None, description="The folder that the Dockerfile copies from; its own when left out."
    )
    pull: Literal["missing", "always", "never"] = Field(
        "missing", description="When an image is fetched from its registry."
    )
    network: str = Field(
        "off", description="`off`, `bridge`, or the name of one of the Engine's networks."
    )
    build_network: str | None = Field(
        None, description="The network while an image is built. None: the Engine's own choice."
    )
    shm_size: ByteSize = Field(ByteSize(256 * MEGABYTE), description="Shared memory, /dev/shm.")
    tmp_size: ByteSize = Field(
        ByteSize(0), description="Of the /tmp that lies in memory. 0: up to half of all."
    )
    user: str | None = Field(
        None,
        pattern=r"^\d+(:\d+)?$",
        description="UID[:GID] in the container. None: who runs the studio, or 65534 for root.",
    )
    pids_limit: int = Field(1024, ge=16, description="Processes and threads in one container.")
    volumes: list[str] = Field(
        default_factory=list,
        description="Folders of the Engine's machine, as `/here:/there`, read-only unless `:rw`.",
    )
    docker_host: str | None = Field(
        None, description="The Engine's address. None: DOCKER_HOST, or the machine's own."
    )
    python: str = Field("python3", description="The interpreter in the image.")
    keep_images_days: float = Field(
        30.0, gt=0, description="Images that the studio built go when unused for so long."
    )
    spare_kernel: bool = Field(
        True,
        description="Keep a container with a Python kernel loaded for half an hour after one was "
        "started, so that the next in the same folder starts at once; it takes about 80 MB.",
    )

    @field_validator("volumes")
    @classmethod
    def _volumes(cls, value: list[str]) -> list[str]:
        for each in value:
            parse_volume(each)
        return value

    @field_validator("requirements", "dockerfile", "context")
    @classmethod
    def _whole_path(cls, value: str | None) -> str | None:
        # Many processes read it, each in a folder of its own.
        if value is not None and not Path(value).expanduser().is_absolute():
            raise ValueError(f"a whole path, from / or ~, not {value!r}")
        return value

    @field_validator("user")
    @classmethod
    def _user(cls, value: str | None) -> str | None:
        if value is not None and int(value.partition(":")[0]) == 0:
            raise ValueError("a user other than root: containers have no root")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> DockerSettings:
        if self.dockerfile and (self.image or self.requirements):
            raise ValueError("dockerfile or image and requirements, not both")
        if self.context and not self.dockerfile:
            raise ValueError("context together with dockerfile")
        return self

    @property
    def base_image(self) -> str:
        """The image that requirements are installed on."""
        return self.image or f"python:{sys.version_info[0]}.{sys.version_info[1]}-slim"


def parse_volume(text: str) -> tuple[str, str, bool]:
    """Part a volume into its path on the Engine's machine, its path in there, and ``writable``.

    Raises
    ------
    ValueError
        When it is none, or would open the Engine itself to the container.
    """
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source.startswith("/") or not target.startswith("/") or mode not in ("", "ro", "rw"):
        raise ValueError(f"/HERE:/THERE, or with :rw, not {text!r}")
    if source.rstrip("/").endswith("docker.sock") or source.rstrip("/") in ("", "/run", "/var/run"):
        raise ValueError(f"something else than {source!r}: it gives away the whole machine")
    return source, target, mode == "rw"
