"""What an entry of ``compute.toml`` with ``type = "ssh"`` may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from labstudio.compute.models import ComputeSettings


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) and value else value or []


Names = Annotated[list[str], BeforeValidator(_listed)]


class SshSettings(ComputeSettings):
    """A host, how it is reached, and what is used there.

    What is left out is taken from ``~/.ssh/config``, as by `ssh` itself.
    """

    host: str = Field(
        min_length=1, description="Its name, its address, or a Host of ~/.ssh/config."
    )
    port: int | None = Field(None, ge=1, le=65535)
    user: str | None = Field(None, min_length=1)
    identity_file: Names = Field(
        default_factory=list, description="Private keys; none: the agent's and those of ~/.ssh."
    )
    agent: bool = Field(True, description="Use the keys of ssh-agent.")
    known_hosts: Names = Field(
        default_factory=list, description="Files of host keys; none: those that ssh uses."
    )
    config: str = Field("~/.ssh/config", description="ssh's own settings; empty: none.")
    jump: Names = Field(
        default_factory=list,
        description="Hosts to go through, the first first, each as [USER@]HOST[:PORT].",
    )
    connect_timeout_s: float = Field(10.0, gt=0, le=300)
    keepalive_s: float = Field(2.0, gt=0, le=300, description="How often the host is asked.")
    keepalive_count: int = Field(
        3, ge=1, le=100, description="So many questions without an answer: the link is lost."
    )
    folder: str = Field(
        "~/.cache/labstudio", min_length=1, description="Where the studio keeps its files there."
    )
    python: str | None = Field(
        None,
        description="An interpreter there whose packages jobs use, such as `~/venv/bin/python`. "
        "None: the studio makes environments of its own.",
    )
    packages: list[str] = Field(
        default_factory=list, description="Requirement lines of every environment made there."
    )
    packages_from: Literal["auto", "index", "here"] = Field(
        "auto",
        description="Whether the host fetches packages from its index, or this machine does and "
        "sends them. auto: the index, where the host reaches one.",
    )
    spare_kernel: bool = Field(
        True,
        description="Keep a Python kernel loaded there for half an hour after one was started, so "
        "that the next starts at once, and JupyterLab's link to it for ten minutes; it takes "
        "about 80 MB of memory.",
    )
