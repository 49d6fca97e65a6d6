"""MLflow's own UI inside JupyterLab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from lab_desk import Desk, Lab


def test_a_jobs_run_opens_in_mlflow(desk: Desk, lab: Lab) -> None:
    page = desk.page
    job = lab.fetch("POST", "jobs", {"path": "train.ipynb", "name": "in mlflow"})
    ended = lab.wait(job["id"], "succeeded")
    desk.run("labstudio-jobs:open", id=job["id"], tab="metrics")
    page.get_by_role("button", name="Open in MLflow").click()
    frame = page.frame_locator("iframe[title=MLflow]")
    expect(frame.get_by_text("accuracy").first).to_be_visible(timeout=90_000)
    assert ended["run_id"] in page.frames[-1].url
    desk.picture("mlflow")
    # Its UI asks for features that this server has switched off.
    desk.complaints[:] = [each for each in desk.complaints if "/labstudio/mlflow/" not in each]
