"""Speaking to a Docker Engine."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, StudioError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

TIMEOUT_S = 60


@dataclass(frozen=True)
class EngineFacts:
    """What is worth knowing of an Engine before a container is planned.

    Parameters
    ----------
    version
        Its version.
    cpus, memory_bytes
        What its machine has.
    rootless
        Whether its root is an ordinary user of the machine, the one that started it.
    runtimes
        The names of its container runtimes; ``nvidia`` among them gives GPUs.
    """

    version: str
    cpus: int
    memory_bytes: int
    rootless: bool
    runtimes: tuple[str, ...]


def connect(url: str | None) -> DockerClient:
    """Return a client of an Engine.

    Parameters
    ----------
    url
        Its address; None for the environment's (``DOCKER_HOST``), or else the machine's own.

    Raises
    ------
    Unavailable
        When nobody answers there.
    """
    import docker

    with answering(url):
        if url is None:
            return docker.from_env(timeout=TIMEOUT_S)
        return docker.DockerClient(base_url=url, timeout=TIMEOUT_S)


def address(url: str | None) -> str:
    """Return an Engine's address as it is shown."""
    return url or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


@contextlib.contextmanager
def answering(url: str | None) -> Iterator[None]:
    """Turn what docker-py raises into errors with one sentence.

    Raises
    ------
    Unavailable
        When the Engine does not answer.
    InvalidInput
        When it refuses what it was asked for.
    """
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except APIError as error:
        raise refusal(error) from error
    except (RequestException, DockerException, OSError) as error:
        raise Unavailable(
            f"The Docker Engine at {address(url)} does not answer: start it, or name another "
            f"with docker_host ({_reason(error)})."
        ) from error


def refusal(error: Any) -> StudioError:
    """Say what an Engine refused."""
    text = str(error.explanation or error).strip().rstrip(".")
    if error.is_server_error() and "timeout" in text.lower():
        return Unavailable(f"The Docker Engine is too busy: {text}.")
    return InvalidInput(f"The Docker Engine refuses: {text}.", field="compute")


def facts(client: DockerClient) -> EngineFacts:
    """Ask an Engine what it is."""
    told = client.info()
    options = told.get("SecurityOptions") or []
    return EngineFacts(
        version=str(told.get("ServerVersion", "")),
        cpus=int(told.get("NCPU", 1)),
        memory_bytes=int(told.get("MemTotal", 0)),
        rootless=any("name=rootless" in option for option in options),
        runtimes=tuple(told.get("Runtimes") or {}),
    )


def _reason(error: BaseException) -> str:
    """Return the innermost cause in a few words: docker-py wraps it in many."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return f"{type(error).__name__}: {error}"[:200]
