"""A notebook on this machine, in a container, on a host: chosen in the picker, moved while live."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from docker_engine import docker_engine, entry  # noqa: F401  a fixture
from lab_notebooks import notebook
from playwright.sync_api import Locator, expect
from ssh_host import ssh_host  # noqa: F401  a fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker_engine import DockerEngine
    from lab_desk import Desk, Lab
    from ssh_host import SshHost

WHERE = "import os, sys; print('prefix', sys.prefix, 'in', os.getcwd())"
NAMES = (
    "import numpy as np\nlarge = np.arange(1_000_000)\n"
    "def double(x):\n    return factor * x\nfactor = 2\n"
    "counter = (n for n in range(3))"
)
PATIENCE_MS = 90_000


@pytest.fixture(scope="module")
def places(
    lab: Lab,
    docker_engine: DockerEngine,  # noqa: F811
    ssh_host: SshHost,  # noqa: F811
) -> Iterator[list[str]]:
    """A container and a host beside this machine, their kernels in the picker."""
    told = {
        "box": entry(docker_engine, price_per_hour=0.4),
        "gpu-host": ssh_host.settings(python=sys.executable, price_per_hour=1.2),
    }
    for name, settings in told.items():
        kind = settings.pop("type")
        lab.fetch("POST", "computes", {"name": name, "type": kind, "settings": settings})
    wanted = {f"labstudio.{name}.python3" for name in told}
    deadline = time.monotonic() + 90
    while not wanted <= {path.name for path in lab.studio.home.kernelspecs.glob("*")}:
        assert time.monotonic() < deadline, "the kernels of the computes were not found"
        time.sleep(0.2)
    yield ["local", *told]
    for kernel in lab.studio.kernels.list().items:
        lab.studio.kernels.stop(kernel.id)
    for name in told:
        lab.studio.computes.remove(name)


def write(lab: Lab, name: str, *cells: str) -> None:
    (lab.root / name).write_text(json.dumps(notebook(*cells)))


def choose(desk: Desk, panel: Locator, kernel: str) -> None:
    """Take a kernel from the picker, as a person does."""
    panel.locator(".jp-Toolbar-kernelName button, .jp-KernelName button").first.click()
    dialog = desk.page.get_by_role("dialog")
    dialog.get_by_role("combobox").select_option(label=kernel)
    dialog.get_by_role("button", name="Select Kernel").click()
    expect(panel.locator(".jp-Toolbar-kernelName, .jp-KernelName").first).to_contain_text(kernel)


def run_all(desk: Desk) -> None:
    desk.run("notebook:run-all-cells")


def test_a_notebook_runs_on_each_compute_in_turn(desk: Desk, lab: Lab, places: list[str]) -> None:
    write(lab, "turns.ipynb", WHERE)
    panel = desk.document("turns.ipynb")
    output = panel.locator(".jp-OutputArea-output").last
    seen: dict[str, Any] = {}
    for kernel, prefix in (
        ("Python 3 (ipykernel)", sys.prefix),
        ("Python 3 @ box", "/opt/python"),
        ("Python 3 @ gpu-host", sys.prefix),
    ):
        if kernel != "Python 3 (ipykernel)":
            choose(desk, panel, kernel)
        run_all(desk)
        expect(output).to_contain_text(f"prefix {prefix}", timeout=PATIENCE_MS)
        seen[kernel] = output.inner_text()
        desk.run("notebook:clear-all-cell-outputs")
    assert len(set(seen.values())) == 3, seen


def test_a_live_notebook_moves_with_its_variables(desk: Desk, lab: Lab, places: list[str]) -> None:
    page = desk.page
    write(lab, "live.ipynb", NAMES, "print('sum', large.sum(), double(21))\n" + WHERE)
    panel = desk.document("live.ipynb")
    run_all(desk)
    output = panel.locator(".jp-OutputArea-output").last
    expect(output).to_contain_text("sum 499999500000 42")
    panel.get_by_role("button", name="Move to another compute").click()
    asked = page.get_by_role("dialog")
    asked.get_by_role("combobox").select_option(label="box")
    asked.get_by_role("button", name="Move").click()
    left = page.get_by_role("dialog").filter(has_text="Some names cannot travel")
    expect(left).to_contain_text("counter", timeout=PATIENCE_MS)
    expect(left).to_contain_text("cell [1]")
    desk.picture("move-left-behind")
    left.get_by_role("button", name="Move without them").click()
    kernel = panel.locator(".jp-Toolbar-kernelName, .jp-KernelName").first
    expect(kernel).to_contain_text("Python 3 @ box", timeout=PATIENCE_MS)
    # The second cell alone: its names came along.
    panel.locator(".jp-Cell").nth(1).click()
    desk.run("notebook:run-cell")
    expect(output).to_contain_text("prefix /opt/python", timeout=PATIENCE_MS)
    expect(output).to_contain_text("sum 499999500000 42")


def test_the_form_sends_a_notebook_where_its_kernel_is(
    desk: Desk, lab: Lab, places: list[str]
) -> None:
    write(lab, "sent.ipynb", WHERE + "\nprint(open('given/rows.csv').read())")
    (lab.root / "rows.csv").write_text("rows of data")
    panel = desk.document("sent.ipynb")
    form = desk.page.get_by_role("form", name="New job")
    compute = form.get_by_label("Compute")
    desk.run("labstudio-jobs:submit")
    expect(compute).to_have_value("local")
    form.get_by_role("button", name="Cancel").click()

    choose(desk, panel, "Python 3 @ box")
    desk.run("kernelmenu:shutdown")  # its slots are for the job
    desk.run("labstudio-jobs:submit")
    expect(compute).to_have_value("box")
    expect(form.get_by_label("Cores")).to_be_hidden()
    form.get_by_text("Resources and inputs").click()
    form.get_by_text("Environment and files").click()
    expect(form.get_by_label("Image")).to_be_visible()
    form.get_by_label("Cores").fill("1000")
    form.get_by_label("Memory").fill("much")
    form.get_by_label("Inputs").fill("given/rows.csv=rows.csv")
    send = form.get_by_role("button", name="Run job")
    send.click()
    wrong = form.locator(".lst-Field-error")
    expect(wrong).to_have_text(["A size with its unit is wanted, such as 4GB."])
    form.get_by_label("Memory").fill("400 MiB")
    send.click()
    expect(wrong).to_contain_text("need.cpus is 1000, and compute 'box' has ")
    desk.picture("jobs-form-compute")
    form.get_by_label("Cores").fill("0.5")
    send.click()
    expect(desk.page.locator(".lst-Header:visible h2")).to_have_text("sent.ipynb")
    (job,) = lab.fetch("GET", "jobs")["items"]
    assert lab.wait(job["id"], "succeeded")["compute"] == "box"
    need = lab.fetch("GET", f"jobs/{job['id']}")["spec"]["need"]
    assert need == {"cpus": 0.5, "memory": 400 << 20, "gpus": 0}
    log = lab.fetch("GET", f"jobs/{job['id']}/log")["text"]
    assert "prefix /opt/python" in log
    assert "rows of data" in log
    desk.forgive(400)


def test_the_panel_with_all_three_at_work(desk: Desk, lab: Lab, places: list[str]) -> None:
    made = [lab.fetch("POST", "jobs", {"path": "slow.ipynb", "compute": name}) for name in places]
    for job in made:
        lab.wait(job["id"], "running")
    desk.run("labstudio-compute:show-panel")
    panel = desk.page.locator("#labstudio-compute")
    for name in places:
        expect(panel.locator(f"[data-compute='{name}']")).to_contain_text("1 job")
    desk.run("labstudio-compute:open", name="gpu-host")
    view = desk.page.locator(".lst-ComputeView")
    expect(view.get_by_role("table", name="Here now")).to_contain_text("slow.ipynb")
    expect(view.get_by_role("meter", name="Disk")).to_be_visible(timeout=PATIENCE_MS)
    desk.picture("compute-panel")
