"""A real JupyterLab with the real daemon, and Chromium looking at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab_desk import PICTURES, Desk, Lab
from lab_models import train
from lab_server import running_browser, running_lab
from lab_training import Trained, trained
from playwright.sync_api import Browser, ConsoleMessage, expect

TEST_TIMEOUT_S = 480.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here drives a browser, and none of it is quick."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


@pytest.fixture(scope="package")
def lab() -> Iterator[Lab]:
    """One JupyterLab for all tests of this folder."""
    with running_lab() as running:
        yield running


@pytest.fixture(scope="package")
def churn(lab: Lab) -> list[str]:
    """Train two versions of a model, once for all tests that look at models; give their runs."""
    return train(lab)


@pytest.fixture(scope="package")
def training(lab: Lab) -> Trained:
    """Runs of a real training, as the views of runs show them."""
    return trained(lab)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser."""
    with running_browser() as browser:
        yield browser


# What Chromium and JupyterLab themselves say and no code of the studio can help.
NOT_OURS = (
    "favicon",
    "net::ERR_ABORTED",
    "net::ERR_NETWORK_CHANGED",
    "GPU stall",
    "/api/me",
)


@pytest.fixture
def desk(lab: Lab, chromium: Browser) -> Iterator[Desk]:
    """JupyterLab, freshly loaded in a context of its own. Errors in its console fail the test."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, timezone_id="Europe/Berlin", locale="en-GB"
    )
    page = context.new_page()
    made = Desk(page, lab)

    def listen(message: ConsoleMessage) -> None:
        text = f"{message.text} ({message.location.get('url', '')})"
        if message.type == "error" and not any(each in text for each in NOT_OURS):
            made.complaints.append(text)

    page.on("console", listen)
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    page.set_default_timeout(30_000)
    expect.set_options(timeout=30_000)
    made.open()
    yield made
    if made.complaints:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / "complaint.png")
    context.close()
    lab.clear()
    assert made.complaints == [], lab.log.read_text()[-3000:]
