"""What an entry of type ``ray`` may say in ``compute.toml``."""

from __future__ import annotations

from typing import Literal

from pydantic import ByteSize, Field, field_validator

from labstudio.compute.models import ComputeSettings
from labstudio.compute.ray.client import dashboard_url
from labstudio.errors import InvalidInput

LOCAL = "local"


class RaySettings(ComputeSettings):
    """A Ray cluster. `cpus` and `gpus` are what it has unless said otherwise."""

    address: str = Field(
        description="The cluster's dashboard, such as `http://head:8265`, or `ray://head:10001`. "
        "`local`: a Ray of the studio's own on this machine, for trying."
    )
    token_file: str | None = Field(
        None, description="Path of a file that holds the cluster's token, where it asks for one."
    )
    ca_file: str | None = Field(
        None, description="Path of the certificates that an https dashboard is trusted by."
    )
    gateway_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Where nodes reach this studio's gateway; without it, a job on another machine "
        "has no MLflow run.",
    )
    storage: str | None = Field(
        None,
        description="A place for large files that this machine and the nodes reach: any URL that "
        "fsspec knows, such as `s3://bucket/folder` or `/shared/folder`.",
    )
    returns: ByteSize = Field(
        ByteSize(64 << 20),
        description="What a job's output files may have in all, where they come through Ray's log.",
    )
    python: str = Field("python", description="The command that starts Python on the nodes.")
    install: list[str] = Field(
        default_factory=list,
        description="Requirement lines that Ray installs for each job, besides the job's own.",
    )
    installer: Literal["pip", "uv"] = Field("pip", description="What Ray installs them with.")

    @field_validator("address")
    @classmethod
    def _names_a_dashboard(cls, value: str) -> str:
        if value != LOCAL:
            try:
                dashboard_url(value)
            except InvalidInput as error:
                raise ValueError("local, or a dashboard's address, such as http://head:8265") from (
                    error
                )
        return value
