"""The Compute panel: computes added, tested, drained and removed; what runs, waits and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab_desk import Desk, Lab


@pytest.fixture
def crowded(lab: Lab) -> Iterator[list[str]]:
    """A machine that is priced, and has one slot and three jobs.

    Asked for before the desk, where a job is looked at: the page is closed when its jobs go.
    """
    entry = '[local]\nmax_jobs = 1\nprice_per_hour = 2.0\ndescription = "This laptop"\n'
    file = lab.studio.home.path / "compute.toml"
    file.write_text(entry + '\n[wrong]\ntype = "docker"\ncolour = "red"\n')
    made = [lab.fetch("POST", "jobs", {"path": "slow.ipynb"})["id"] for _ in range(3)]
    lab.wait(made[0], "running")
    yield made
    lab.clear()
    file.unlink(missing_ok=True)


def test_what_runs_and_waits_is_seen(crowded: list[str], desk: Desk, lab: Lab) -> None:
    page = desk.page
    desk.run("labstudio-compute:show-panel")
    panel = page.locator("#labstudio-compute")
    row = panel.locator("[data-compute=local]")
    expect(row).to_contain_text("1 job")
    expect(row).to_contain_text("2 waiting")
    expect(row).to_contain_text("2.00/h")
    expect(row.get_by_role("meter", name="CPU")).to_be_visible()
    wrong = panel.locator("[data-compute=wrong]")
    expect(wrong).to_have_attribute("data-state", "invalid")
    expect(wrong).to_contain_text("colour")

    row.locator(".lst-JobRow-name").click()
    view = page.locator(".lst-ComputeView")
    here = view.get_by_role("table", name="Here now")
    expect(here.get_by_role("row")).to_have_count(2)
    waiting = view.get_by_role("table", name="Waiting")
    expect(waiting.get_by_role("row")).to_have_count(3)
    expect(view.get_by_role("meter", name="Disk")).to_be_visible()
    view.get_by_role("button", name="Test").click()
    expect(view.get_by_role("heading", name="All is well")).to_be_visible()
    desk.picture("compute-local")

    here.get_by_role("button", name="slow.ipynb").click()
    expect(page.locator(".lst-Header:visible h2")).to_have_text("slow.ipynb")
    row.hover()
    row.get_by_role("button", name="Drain: take nothing new").click()
    expect(row).to_have_attribute("data-state", "draining")
    row.hover()
    row.get_by_role("button", name="Take new work again").click()
    expect(row).to_have_attribute("data-state", "ready")


def test_running_jobs_are_given_notice_where_that_may_be(
    desk: Desk, lab: Lab, crowded: list[str]
) -> None:
    # Marked when its job runs already: that was launched knowing nothing of it.
    file = lab.studio.home.path / "compute.toml"
    file.write_text(file.read_text().replace("[local]\n", "[local]\npreemptible = true\n"))
    page = desk.page
    desk.run("labstudio-compute:show-panel")
    row = page.locator("#labstudio-compute [data-compute=local]")
    expect(row).to_contain_text("2 waiting")
    row.locator(".lst-JobRow-name").click()
    now = page.locator(".lst-ComputeView:visible").get_by_role("button", name="Drain now")
    expect(now).to_be_visible()  # An open menu would not hear that the file has changed.
    for name in ("local", "wrong"):
        page.locator(f"#labstudio-compute [data-compute={name}]").click(button="right")
        entry = page.get_by_role("menuitem", name="Drain Compute Now")
        expect(entry).to_have_count(1 if name == "local" else 0)
        page.keyboard.press("Escape")
    now.click()
    expect(row).to_contain_text("jobs save a checkpoint and wait")
    assert lab.wait(crowded[0], "queued")["preemptions"] == 1
    expect(row).to_contain_text("3 waiting")
    row.hover()
    row.get_by_role("button", name="Take new work again").click()
    expect(row).to_have_attribute("data-state", "ready")


def test_usage_is_a_chart_and_a_file(crowded: list[str], desk: Desk, lab: Lab) -> None:
    page = desk.page
    desk.run("labstudio-compute:usage")
    usage = page.locator(".lst-Usage")
    table = usage.get_by_role("table", name="Usage")
    expect(table.get_by_role("row", name="local")).to_be_visible()
    expect(usage.get_by_role("figure", name="Cost by day")).to_be_visible()
    usage.get_by_role("combobox").select_option("holder")
    expect(table).to_contain_text("slow.ipynb")
    with page.expect_download() as download:
        usage.get_by_role("link", name="CSV").click()
    assert "slow.ipynb" in download.value.path().read_text()
    desk.picture("compute-usage")
