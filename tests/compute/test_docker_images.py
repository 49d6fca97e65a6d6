"""Images: pulled, built, found again, removed."""

from __future__ import annotations

import os
import re
import threading
import time
import zipfile
from pathlib import Path

import pytest
from docker_engine import DockerEngine
from image_registry import serving_image

from labstudio.compute.conformance import WAIT_S
from labstudio.compute.conformance_place import Place
from labstudio.compute.docker import images
from labstudio.compute.docker.settings import DockerSettings
from labstudio.errors import InvalidInput
from labstudio.home import Home
from labstudio.jobs.models import Environment
from labstudio.jobs.runner.faults import RunError, Stopped

pytestmark = pytest.mark.slow


class Told(list[str]):
    """What somebody was told."""

    @property
    def teller(self) -> images.Teller:
        return images.Teller(self.append, self.append, self.append)

    @property
    def text(self) -> str:
        return "\n".join(self)


def wheel(folder: Path, word: str) -> None:
    """Write a wheel of one module."""
    folder.mkdir(exist_ok=True)
    info = "shed-1.0.dist-info"
    with zipfile.ZipFile(folder / "shed-1.0-py3-none-any.whl", "w") as file:
        file.writestr("shed.py", f"word = {word!r}\n")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: shed\nVersion: 1.0\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "shed.py,,\n")


def settings(engine: DockerEngine, **fields: object) -> DockerSettings:
    return DockerSettings.model_validate({"type": "docker", "docker_host": engine.url, **fields})


def test_requirements_are_installed_once_and_again_when_they_change(
    docker_engine: DockerEngine, docker_place: Place, home: Home, tmp_path: Path
) -> None:
    wheel(tmp_path / "wheels", "first")
    lines = ["shed", "--no-index", f"--find-links {tmp_path / 'wheels'}"]
    job = docker_place.script(
        "uses.py",
        "import shed; print('the word is', shed.word)",
        environment={"requirements": lines},
    )
    job.wait(WAIT_S)
    assert "the word is first" in job.logs(), docker_place.describe(job)
    assert "Building an image" in job.logs()
    told, home = Told(), docker_place.studio.home
    asked, made = (
        Environment(requirements=lines),
        settings(docker_engine, image=docker_engine.image),
    )
    before = images.ensure(docker_engine.client, made, home, asked, told.teller)
    assert told == [], "it was built again"
    wheel(tmp_path / "wheels", "second")
    assert images.ensure(docker_engine.client, made, home, asked, told.teller) != before
    assert "Building" in told.text


def test_a_dockerfile_is_built_and_its_failure_told(
    docker_engine: DockerEngine, home: Home, tmp_path: Path
) -> None:
    home.create()
    (tmp_path / "data.txt").write_text("copied")
    file = tmp_path / "Dockerfile"
    file.write_text(f"FROM {docker_engine.image}\nCOPY data.txt /data.txt\n")
    made, told = settings(docker_engine, dockerfile=str(file)), Told()
    first = images.ensure(docker_engine.client, made, home, teller=told.teller)
    assert images.ensure(docker_engine.client, made, home) == first
    # Raises when it does not end with 0.
    test = ["python3", "-c", "assert open('/data.txt').read() == 'copied'"]
    docker_engine.client.containers.run(first, test, remove=True, network_mode="none")
    file.write_text(f"FROM {docker_engine.image}\nRUN echo no such luck && exit 4\n")
    with pytest.raises(RunError, match="cannot be built") as caught:
        images.ensure(docker_engine.client, made, home, teller=told.teller)
    assert "no such luck" in (caught.value.error.traceback or "")


def test_images_that_nobody_used_for_long_are_removed(
    docker_engine: DockerEngine, home: Home, tmp_path: Path
) -> None:
    home.create()
    file = tmp_path / "Dockerfile"
    file.write_text(f"FROM {docker_engine.image}\nENV MINE={tmp_path.name}\n")
    made = settings(docker_engine, dockerfile=str(file))
    built = images.ensure(docker_engine.client, made, home)
    assert images.remove_unused(docker_engine.client, home, 3600) == []
    for stamp in (home.path / "images").iterdir():
        os.utime(stamp, (0, 0))
    other = Home(tmp_path / "other").create()
    assert images.remove_unused(docker_engine.client, other, 3600) == []
    assert len(images.remove_unused(docker_engine.client, home, 3600)) == 1
    assert images.present(docker_engine.client, built) is None


def test_an_image_that_is_not_there_is_named(docker_engine: DockerEngine, home: Home) -> None:
    with pytest.raises(InvalidInput, match=r"'nowhere:1' is not on the Docker Engine"):
        images.ensure(
            docker_engine.client, settings(docker_engine, image="nowhere:1", pull="never"), home
        )
    with pytest.raises(RunError, match=r"'127.0.0.1:9/nowhere:1' cannot be pulled"):
        images.ensure(
            docker_engine.client, settings(docker_engine, image="127.0.0.1:9/nowhere:1"), home
        )


def test_a_job_may_name_its_image(docker_engine: DockerEngine, docker_place: Place) -> None:
    docker_engine.client.images.get(docker_engine.image).tag("labstudio-test/other", "2")
    named = {"image": "labstudio-test/other:2"}
    job = docker_place.script("named.py", "print('in it')", environment=named)
    job.wait(WAIT_S)
    assert "in it" in job.logs(), docker_place.describe(job)
    with pytest.raises(InvalidInput, match="runs no images"):
        docker_place.studio.jobs.submit(
            docker_place.work / "named.py", environment=Environment(**named)
        )


def test_a_pull_tells_how_far_it_is(docker_engine: DockerEngine, home: Home) -> None:
    told = Told()
    with serving_image(4 << 20, 4 << 20) as name:
        images.ensure(
            docker_engine.client,
            settings(docker_engine, image=name),
            home,
            teller=told.teller,
        )
        assert told[0] == f"Pulling the image {name}."
        assert re.search(r"Pulling \S+: \d of 4 MB \(\d+ %\)", told.text), told.text
        assert "is there after" in told[-1]
        docker_engine.client.images.remove(name)


def test_a_pull_that_is_given_up_ends_at_once(docker_engine: DockerEngine, home: Home) -> None:
    teller = images.Teller()
    with serving_image(16 << 20, 1 << 18) as name:
        threading.Timer(1.0, teller.given_up.set).start()
        began = time.monotonic()
        with pytest.raises(Stopped):
            images.ensure(
                docker_engine.client, settings(docker_engine, image=name), home, teller=teller
            )
        assert time.monotonic() - began < 8  # the pull takes a minute
