"""A notebook on a schedule, from the form to its history."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from lab_desk import Desk, Lab


def test_a_notebook_is_scheduled_paused_run_and_deleted(desk: Desk, lab: Lab) -> None:
    page = desk.page
    panel = desk.panel()
    desk.run("labstudio-schedules:create", path="train.ipynb")
    form = page.get_by_role("form", name="New schedule")
    expect(form.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    cron = form.get_by_label("Cron line")

    # A line that never fires is refused at its field, while it is typed.
    cron.fill("0 6 31 2 *")
    expect(form.locator(".lst-Field-error")).to_be_visible()
    form.get_by_role("button", name="Weekdays at 08:00").click()
    expect(cron).to_have_value("0 8 * * 1-5")
    runs = form.get_by_role("list", name="Next runs").get_by_role("listitem")
    expect(runs).to_have_count(5)
    expect(runs.first).to_contain_text("08:00")
    expect(form.locator(".lst-Field-error")).to_have_count(0)
    desk.forgive(400)
    form.get_by_label("Schedule name").fill("Every morning")
    desk.picture("schedules-form")
    form.get_by_role("button", name="Create schedule").click()

    row = panel.locator(".lst-ScheduleRow")
    expect(row).to_contain_text("Every morning")
    expect(row).to_contain_text("08:00")
    desk.picture("schedules-panel")
    row.hover()
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("Paused")
    row.get_by_role("button", name="Resume").click()
    expect(row).to_contain_text("Next")

    row.get_by_role("button", name="Run now").click()
    expect(page.locator(".lst-Header:visible h2")).to_have_text(re.compile("train|Every morning"))
    row.hover()
    row.get_by_role("button", name="History").click()
    history = page.locator(".lst-History")
    expect(history.get_by_role("row").last).to_contain_text("Submitted")
    desk.picture("schedules-history")

    row.hover()
    row.get_by_role("button", name="Edit").click()
    edit = page.get_by_role("form", name="Edit schedule")
    edit.get_by_label("Cron line").fill("30 9 * * 1")
    expect(edit.get_by_role("list", name="Next runs")).to_contain_text("09:30")
    edit.get_by_role("button", name="Save schedule").click()
    expect(row).to_contain_text("09:30")

    row.hover()
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
    expect(panel.get_by_text("A schedule runs a notebook")).to_be_visible()
