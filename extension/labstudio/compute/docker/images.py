"""Images: found, pulled, or built once and kept by the hash of what they are built from."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Any

from labstudio.compute.docker import recipe
from labstudio.compute.docker.container import HOME_LABEL, home_digest
from labstudio.compute.docker.progress import BuildLines, PullProgress
from labstudio.errors import InvalidInput
from labstudio.jobs.runner.faults import RunError, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from docker import DockerClient

    from labstudio.compute.docker.recipe import Recipe
    from labstudio.compute.docker.settings import DockerSettings
    from labstudio.home import Home
    from labstudio.jobs.models import Environment

REPOSITORY = "labstudio-built"
BUILT_LABEL = "labstudio.built"
POLL_S = 0.1


@dataclass(frozen=True)
class Teller:
    """Whom the making of an image is told to.

    Parameters
    ----------
    note
        Takes a line of the studio's own.
    log
        Takes what a build prints.
    progress
        Takes what is shown as the present state.
    given_up
        Set when nobody waits any more.
    """

    note: Callable[[str], None] = lambda _text: None
    log: Callable[[str], None] = lambda _text: None
    progress: Callable[[str], None] = lambda _text: None
    given_up: Event = field(default_factory=Event)


def ensure(
    client: DockerClient,
    settings: DockerSettings,
    home: Home,
    environment: Environment | None = None,
    teller: Teller | None = None,
) -> str:
    """Return the id of the image that code runs in, pulled or built when it is not there.

    Parameters
    ----------
    client
        The Engine.
    settings
        The compute's.
    home
        Keeps when each built image was used last.
    environment
        What the job itself asks for: another image, more requirements.
    teller
        Whom to tell.

    Raises
    ------
    InvalidInput, RunError
        When it cannot be had, with the registry's or the build's own words.
    Stopped
        When it was given up.
    """
    teller = teller or Teller()
    asked = environment.image if environment is not None else None
    extra = tuple(environment.requirements) if environment is not None else ()
    if asked is None and settings.dockerfile:
        image = _built(client, recipe.of_dockerfile(settings), settings, home, teller)
    else:
        image = _pulled(client, asked or settings.base_image, settings.pull, teller)
        if asked is None:
            lines = recipe.default_requirements(settings)
            image = _with_packages(client, image, lines, settings, home, teller)
    return _with_packages(client, image, extra, settings, home, teller)


def _with_packages(
    client: DockerClient,
    image: str,
    lines: tuple[str, ...],
    settings: DockerSettings,
    home: Home,
    teller: Teller,
) -> str:
    if not lines:
        return image
    wanted = recipe.of_requirements(image, lines, settings.python)
    return _built(client, wanted, settings, home, teller)


# -- pulling


def present(client: DockerClient, name: str) -> str | None:
    """Return an image's id; None where the Engine does not have it."""
    from docker.errors import ImageNotFound

    try:
        return str(client.images.get(name).id)
    except ImageNotFound:
        return None


def _pulled(client: DockerClient, name: str, policy: str, teller: Teller) -> str:
    found = present(client, name)
    if policy == "never" and found is None:
        raise InvalidInput(
            f'The image {name!r} is not on the Docker Engine, and pull = "never": '
            f"`docker pull {name}` brings it.",
            field="image",
        )
    if found is not None and policy != "always":
        return found
    pull(client, name, teller)
    found = present(client, name)
    assert found is not None
    return found


def pull(client: DockerClient, name: str, teller: Teller) -> None:
    """Fetch an image from its registry.

    Raises
    ------
    RunError
        When the registry does not give it.
    Stopped
        When it was given up.
    """
    from docker.errors import APIError
    from docker.utils import parse_repository_tag

    began = time.monotonic()
    teller.note(f"Pulling the image {name}.")
    teller.progress(f"Pulling {name}")
    repository, tag = parse_repository_tag(name)
    shown = PullProgress(name, teller.note, teller.progress)
    try:
        for event in client.api.pull(repository, tag=tag or "latest", stream=True, decode=True):
            if teller.given_up.is_set():
                raise Stopped
            if "error" in event:
                raise _not_pulled(name, event["error"])
            shown.take(event)
    except APIError as error:
        raise _not_pulled(name, error.explanation or error) from error
    teller.note(f"The image {name} is there after {time.monotonic() - began:.1f} s.")


def _not_pulled(name: str, reason: object) -> RunError:
    text = str(reason).strip().rstrip(".")
    return RunError("ImagePull", f"The image {name!r} cannot be pulled: {text}.")


# -- building


def _built(
    client: DockerClient, wanted: Recipe, settings: DockerSettings, home: Home, teller: Teller
) -> str:
    tag = f"{REPOSITORY}:{wanted.key}"
    with _alone(home, wanted.key, teller):
        if (found := present(client, tag)) is not None:
            return found
        began = time.monotonic()
        teller.note(f"Building an image: {wanted.summary}")
        teller.progress("Building an image")
        told = {BUILT_LABEL: wanted.key, HOME_LABEL: home_digest(home)}
        build(client, wanted, tag, told, settings.build_network, teller)
        teller.note(f"The image is ready after {time.monotonic() - began:.1f} s.")
    found = present(client, tag)
    assert found is not None
    return found


def build(
    client: DockerClient,
    wanted: Recipe,
    tag: str,
    labels: dict[str, str],
    network: str | None,
    teller: Teller,
) -> None:
    """Build an image.

    Raises
    ------
    RunError
        When it fails, with the last lines of what it printed.
    Stopped
        When it was given up.
    """
    from docker.errors import APIError

    lines = BuildLines(teller.log)
    with wanted.context() as context:
        try:
            events = client.api.build(
                fileobj=context,
                custom_context=True,
                dockerfile=wanted.dockerfile,
                tag=tag,
                labels=labels,
                rm=True,
                forcerm=True,
                decode=True,
                network_mode=network,
            )
            for event in events:
                if teller.given_up.is_set():
                    raise Stopped
                if "error" in event:
                    raise RunError(
                        "ImageBuild",
                        f"The image cannot be built: {lines.reason(event['error'])}",
                        traceback="\n".join(lines.tail) or None,
                    )
                lines.take(event)
        except APIError as error:
            reason = str(error.explanation or error).strip().rstrip(".")
            raise RunError("ImageBuild", f"The image cannot be built: {reason}.") from error


@contextlib.contextmanager
def _alone(home: Home, key: str, teller: Teller) -> Iterator[None]:
    """Keep others of this studio from building the same image, and note that it is used."""
    folder = _folder(home)
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / key, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    teller.note("Another job builds this image; waiting for it.")
                told = True
            if teller.given_up.wait(POLL_S):
                raise Stopped
        os.utime(lock)
        yield
    finally:
        os.close(lock)


def _folder(home: Home) -> Path:
    return home.path / "images"


def remove_unused(client: DockerClient, home: Home, older_than_s: float) -> list[str]:
    """Remove images that this studio built and has not used lately; return their tags.

    One that a container stands on stays: the Engine refuses.
    """
    from docker.errors import APIError

    removed = []
    filters: dict[str, Any] = {"label": [f"{HOME_LABEL}={home_digest(home)}", BUILT_LABEL]}
    for image in client.images.list(filters=filters):
        for tag in image.tags:
            stamp = _folder(home) / tag.rpartition(":")[2]
            used = stamp.stat().st_mtime if stamp.exists() else 0.0
            if not tag.startswith(f"{REPOSITORY}:") or time.time() - used < older_than_s:
                continue
            with contextlib.suppress(APIError):
                client.images.remove(tag)
                stamp.unlink(missing_ok=True)
                removed.append(tag)
    return removed
