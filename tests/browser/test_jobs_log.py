"""A long log in an open panel: all of it, and without freezing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from lab_desk import Desk, Lab

LINES = 100_000


def test_a_hundred_thousand_lines_arrive_whole(desk: Desk, lab: Lab) -> None:
    (lab.root / "chatty.py").write_text(
        f"for i in range({LINES}):\n    print(f'line {{i}} of the log, as it comes')\n"
        "print('x' * 5_000_000)\nprint('end')\n"
    )
    page = desk.page
    job = lab.fetch("POST", "jobs", {"path": "chatty.py"})
    desk.run("labstudio-jobs:open", id=job["id"], tab="log")
    size = page.locator(".lst-Log-size")
    # The page answers while the log comes in.
    worst = 0.0
    until = time.monotonic() + 120
    while time.monotonic() < until and size.get_attribute("data-complete") != "true":
        before = time.monotonic()
        page.evaluate("new Promise(requestAnimationFrame)")
        worst = max(worst, time.monotonic() - before)
    expect(size).to_have_attribute("data-complete", "true")
    own = int(size.get_attribute("data-lines") or 0) - LINES - 2
    assert 0 <= own <= 10, f"{own} lines beside those that the script wrote"
    assert worst < 2.0, worst

    log = page.get_by_role("log")
    expect(log.get_by_text("end", exact=True)).to_be_visible()
    expect(log.get_by_role("button", name="show all")).to_be_visible()
    search = page.get_by_role("searchbox", name="Search the log")
    search.fill(f"line {LINES // 2} of")
    expect(page.locator(".lst-Log mark")).to_have_text(f"line {LINES // 2} of")
    search.fill("")
    # Every line is there, once and in order.
    ok = page.evaluate(
        """async () => {
            const list = document.querySelector('.lst-Log-lines');
            const seen = [];
            for (const at of [0, 12345, 50000, 99990]) {
                list.scrollTop = at * 18;
                await new Promise(requestAnimationFrame);
                await new Promise(r => setTimeout(r, 100));
                seen.push(list.querySelectorAll('.lst-Line').length);
            }
            return seen;
        }"""
    )
    assert all(0 < count < 90 for count in ok), ok
