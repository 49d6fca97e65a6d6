"""What ``labstudio compute test`` tries on a Docker Engine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio.compute.docker import images
from labstudio.compute.docker.container import (
    Mount,
    Plan,
    create,
    hand_over,
    labels,
    remove,
    user_of,
)
from labstudio.compute.docker.engine import address, answering, connect, facts
from labstudio.compute.models import Need
from labstudio.errors import StudioError, Unavailable
from labstudio.jobs.runner.faults import RunError
from labstudio.status import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from labstudio.compute.docker.engine import EngineFacts
    from labstudio.compute.docker.settings import DockerSettings
    from labstudio.home import Home

SEEN = "seen"
PROBE = ("sh", "-c", f"test -w /work && cat /work/{SEEN}")


def checks(settings: DockerSettings, home: Home) -> Iterator[Check]:
    """Try each thing that a job in a container needs; the rest is left out once one fails."""
    try:
        client = connect(settings.docker_host)
        with answering(settings.docker_host):
            about = facts(client)
    except Unavailable as error:
        yield Check(name="engine", state="error", message=error.message)
        return
    where = address(settings.docker_host)
    yield Check(name="engine", state="ok", message=f"Docker Engine {about.version} at {where}.")
    try:
        with answering(settings.docker_host):
            image = images.ensure(client, settings, home)
    except (StudioError, RunError) as error:
        yield Check(name="image", state="error", message=str(error))
        return
    yield Check(name="image", state="ok", message=f"The image is there: {image[:19]}.")
    yield _container(client, image, settings, about, home)
    if settings.gpus:
        yield _gpus(about)


def _container(
    client: DockerClient, image: str, settings: DockerSettings, about: EngineFacts, home: Home
) -> Check:
    """Start a container as a job's is started, and have it read what lies here."""
    word = home.path.name
    # In the home, and not in the system's folder: it is the home's folders that are mounted.
    with tempfile.TemporaryDirectory(dir=home.create().path, prefix=".probe-") as place:
        folder, user = Path(place), user_of(settings, about)
        (folder / SEEN).write_text(word)
        hand_over([folder], user)
        plan = Plan(
            image=image,
            command=PROBE,
            labels=labels(home, "test", "test", folder.name),
            user=user,
            mounts=(Mount(folder, "/work", writable=True),),
            need=Need(),
        )
        try:
            with answering(settings.docker_host):
                container = create(client, plan, settings, about)
                try:
                    output = client.api.attach(container.id, stream=True, logs=False)
                    container.start()
                    told = b"".join(output).decode(errors="replace")
                    code = container.wait()["StatusCode"]
                finally:
                    remove(container)
        except StudioError as error:
            return Check(name="container", state="error", message=error.message)
    if code or told != word:
        text = (
            f"A container as user {user} cannot use the studio's folders ({told.strip()!r}): the "
            "Engine must run on this machine, and `user` must be who runs the studio."
        )
        return Check(name="container", state="error", message=text)
    return Check(name="container", state="ok", message=f"A container starts, as user {user}.")


def _gpus(about: EngineFacts) -> Check:
    if "nvidia" in about.runtimes:
        return Check(name="gpus", state="ok", message="The Engine has NVIDIA's runtime.")
    text = (
        "gpus are asked for, and the Engine has no NVIDIA runtime: install the "
        "nvidia-container-toolkit, run `nvidia-ctk runtime configure` and restart the Engine."
    )
    return Check(name="gpus", state="error", message=text)
