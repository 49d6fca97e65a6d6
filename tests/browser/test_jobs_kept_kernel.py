"""A failed job's kernel: looked at in a console, and ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from lab_desk import Desk, Lab

MENU = ".lm-Menu-itemLabel:visible"


def show_cell(desk: Desk) -> None:
    """Go to the failing cell again: another theme's letters move it."""
    desk.page.get_by_role("button", name="Show the cell").click()
    desk.page.wait_for_timeout(500)


def test_a_kept_kernel_is_looked_at_and_ended(desk: Desk, lab: Lab) -> None:
    page = desk.page
    panel = desk.panel()
    job = lab.fetch("POST", "jobs", {"path": "wrong.ipynb", "keep_kernel_s": 600})
    lab.wait(job["id"], "failed")
    row = panel.locator(f"[data-job='{job['id']}']")
    row.locator(".lst-JobRow-name").click()
    header = page.locator(".lst-Header:visible")
    expect(header.get_by_text(re.compile(r"kernel kept until \d\d:\d\d"))).to_be_visible()

    page.get_by_role("button", name="Attach a console").click()
    desk.ask_console("rows['income']", "[4200, 5100, 3900]")

    desk.run("labstudio-jobs:open", id=job["id"])
    expect(header.get_by_role("button", name="Attach", exact=True)).to_be_visible()
    desk.picture("jobs-kept-kernel", lambda: show_cell(desk))
    header.get_by_role("button", name="End kernel").click()
    expect(header.get_by_role("button", name="End kernel")).to_have_count(0)
    expect(header.get_by_role("button", name="Attach", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Attach a console")).to_have_count(0)
    expect(header.get_by_text("kernel kept until")).to_have_count(0)
    answer = page.request.get(f"{lab.url}api/kernels?token={lab.token}")
    names = [kernel["name"] for kernel in answer.json()]
    assert not [name for name in names if job["id"].lower() in name], names


def test_the_menu_offers_a_kernel_only_while_it_is_kept(desk: Desk, lab: Lab) -> None:
    page = desk.page
    panel = desk.panel()
    kept = lab.fetch("POST", "jobs", {"path": "wrong.ipynb", "keep_kernel_s": 600})
    gone = lab.fetch("POST", "jobs", {"path": "wrong.ipynb"})
    for job in (kept, gone):
        lab.wait(job["id"], "failed")

    def offered(job_id: str) -> list[str]:
        row = panel.locator(f"[data-job='{job_id}']")
        expect(row).to_have_attribute("data-state", "failed")
        row.hover()
        page.wait_for_timeout(1000)
        row.click(button="right")
        page.locator(MENU, has_text="Rerun Job").first.wait_for()
        return [text for text in page.locator(MENU).all_inner_texts() if "Kernel" in text]

    assert offered(gone["id"]) == []
    page.keyboard.press("Escape")
    attach, end = offered(kept["id"])
    assert attach.startswith("Attach a Console")
    assert re.search(r"Until \d\d:\d\d", end), end
    page.locator(MENU, has_text="End the Kernel").click()
    expect(page.locator(MENU)).to_have_count(0)
    page.wait_for_timeout(1000)
    assert offered(kept["id"]) == []
    page.keyboard.press("Escape")
