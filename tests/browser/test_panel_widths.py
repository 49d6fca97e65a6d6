"""The panels at widths that people drag them to: nothing is cut off, nothing runs out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from lab_desk import Desk, Lab

LONG = "a rather long name of a training job, with its dataset and the date 2026-11-22"

# What lies past the right edge of a box and cannot be scrolled to.
CUT = """root => {
    const edge = root.getBoundingClientRect().right + 1;
    const scrolls = element => {
        for (let at = element.parentElement; at && at !== root; at = at.parentElement) {
            if (/auto|scroll|hidden/.test(getComputedStyle(at).overflowX)) return true;
        }
        return false;
    };
    return [...root.querySelectorAll('*')]
        .filter(e => e.getClientRects().length && e.getBoundingClientRect().right > edge)
        .filter(e => !scrolls(e))
        .map(e => `${e.tagName}.${e.className}: ${e.textContent.slice(0, 40)}`);
}"""


# Which of these show less than they say.
SHORTENED = """(root, which) => [...root.querySelectorAll(which)]
    .filter(e => {
        const edge = e.closest('.lst-JobRow-text').getBoundingClientRect().right + 1;
        return e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > edge;
    })
    .map(e => e.textContent)"""


def resize(desk: Desk, left: int) -> None:
    """Drag the left sidebar to a width."""
    desk.page.evaluate(
        """async left => {
            document.documentElement.style.setProperty('--jp-sidebar-min-width', '120px');
            const split = window.jupyterapp.shell._hsplitPanel;
            const settle = () => new Promise(resolve => setTimeout(resolve, 100));
            [...window.jupyterapp.shell.widgets('left')].forEach(each => each.parent.fit());
            await settle();
            split.fit();
            await settle();
            split.setRelativeSizes([left, split.node.clientWidth - left, 0]);
        }""",
        left,
    )
    desk.page.wait_for_timeout(300)


@pytest.mark.parametrize("width", [180, 600])
def test_the_sidebar_fits_its_width(desk: Desk, lab: Lab, width: int) -> None:
    job = lab.fetch("POST", "jobs", {"path": "train.ipynb", "name": LONG})
    schedule = {"name": LONG, "cron": "30 6 1 * *", "timezone": "America/Argentina/Buenos_Aires"}
    lab.fetch("POST", "schedules", {**schedule, "job": {"path": "train.ipynb"}})
    lab.wait(job["id"], "running", "succeeded")
    panel = desk.panel()
    for section, row in (("jobs", ".lst-JobRow"), ("schedules", ".lst-ScheduleRow")):
        desk.run("labstudio-jobs:show-panel", section=section)
        resize(desk, width)
        box = panel.bounding_box()
        assert box is not None
        assert abs(box["width"] - width) < 12, box
        panel.locator(row).first.hover()
        assert panel.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
        assert panel.evaluate(CUT) == []


COMPUTES = """
[local]
price_per_hour = 12.5
cpus = 128
memory = "512GiB"
gpus = 8
max_jobs = 1

[a-machine-with-quite-a-long-name]
type = "ssh"
host = "127.0.0.1"
port = 9

[wrong]
type = "docker"
colour = "red"
"""


@pytest.mark.parametrize("width", [200, 280, 600])
def test_the_compute_panel_fits_its_width(desk: Desk, lab: Lab, width: int) -> None:
    file = lab.studio.home.path / "compute.toml"
    file.write_text(COMPUTES)
    made = [lab.fetch("POST", "jobs", {"path": "slow.ipynb"}) for _ in range(2)]
    lab.wait(made[0]["id"], "running")
    desk.run("labstudio-compute:show-panel")
    panel = desk.page.locator("#labstudio-compute")
    expect(panel.locator("[data-compute=local]")).to_contain_text("1 waiting")
    expect(panel.locator("[data-compute=wrong]")).to_contain_text("colour")
    expect(panel.locator("[data-state=unreachable].lst-ComputeRow")).to_be_visible()
    resize(desk, width)
    box = panel.bounding_box()
    assert box is not None
    assert abs(box["width"] - width) < 12, box
    panel.locator("[data-compute=local]").hover()
    assert panel.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    assert panel.evaluate(CUT) == []
    # Nothing is cut off in its own box either, but names.
    assert panel.evaluate(SHORTENED, ".lst-Meter-text, .lst-JobRow-more > *") == []
    file.unlink()


def test_a_job_fits_a_narrow_main_area(desk: Desk, lab: Lab) -> None:
    page = desk.page
    job = lab.fetch("POST", "jobs", {"path": "wrong.ipynb", "name": LONG, "keep_kernel_s": 300})
    lab.wait(job["id"], "failed")
    desk.panel()
    page.set_viewport_size({"width": 900, "height": 800})
    view = page.locator(".lst-JobView:visible")
    for tab in ("overview", "log", "notebook", "metrics", "files"):
        desk.run("labstudio-jobs:open", id=job["id"], tab=tab)
        resize(desk, 414)
        expect(view.get_by_role("tab", selected=True)).to_be_visible()
        page.wait_for_timeout(500)
        assert view.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, tab
        if tab != "notebook":  # JupyterLab's own, which scrolls
            assert view.evaluate(CUT) == [], tab
    for command, args, root in (
        ("labstudio-jobs:submit", {"path": "train.ipynb"}, ".lst-Form:visible"),
        ("labstudio-schedules:create", {"path": "train.ipynb"}, ".lst-Form:visible"),
    ):
        desk.run(command, **args)
        form = page.locator(root)
        for fold in form.locator("summary").all():
            fold.click()
        assert form.evaluate(CUT) == [], command


def test_what_was_chosen_is_remembered(desk: Desk, lab: Lab) -> None:
    page = desk.page
    (lab.root / "wide.py").write_text("for i in range(50):\n    print(i, 'word ' * 200)\n")
    job = lab.fetch("POST", "jobs", {"path": "wide.py"})
    lab.wait(job["id"], "succeeded")
    panel = desk.panel()
    panel.get_by_role("tab", name="Schedules").click()
    desk.run("labstudio-jobs:open", id=job["id"], tab="log")
    lines = page.locator(".lst-Log-lines")
    wrap = page.get_by_role("button", name="Wrap long lines")
    expect(page.get_by_role("log").get_by_text("49 word", exact=False)).to_be_visible()
    assert lines.evaluate("e => e.scrollWidth - e.clientWidth") > 1000
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "true")
    # Each line takes the lines that it needs: what is drawn stands where it is counted.
    assert lines.evaluate("e => e.scrollWidth - e.clientWidth") <= 0
    drawn, counted = lines.evaluate(
        """async list => {
            list.scrollTop = 0;
            await new Promise(r => setTimeout(r, 200));
            const rows = [...list.querySelectorAll('.lst-Line')];
            const all = list.querySelector('.lst-Virtual-all').clientHeight;
            const each = rows.slice(0, 8).reduce((sum, e) => sum + e.offsetHeight, 0) / 8;
            return [each, (all - 36) / 50];
        }"""
    )
    assert drawn >= 36
    assert abs(drawn - counted) < 3, (drawn, counted)

    page.wait_for_timeout(4000)  # the layout is saved a moment after it changed
    page.reload()
    desk.settle()
    expect(panel.get_by_role("tab", name="Schedules")).to_have_attribute("aria-selected", "true")
    expect(wrap).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".lst-Log")).to_have_attribute("data-wrap", "true")
