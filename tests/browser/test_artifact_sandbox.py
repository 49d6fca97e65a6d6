"""A hostile page among artifacts, opened in a real browser beside JupyterLab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab_desk import Desk, Lab

HOSTILE = """<!doctype html><title>waiting</title><script>
const seen = {origin: self.origin};
const attempt = (name, work) => {
  try { seen[name] = String(work()); } catch (error) { seen[name] = error.name; }
};
attempt('cookie', () => document.cookie);
attempt('storage', () => localStorage.length);
attempt('parent', () => parent.document.title);
attempt('lab', () => parent.jupyterapp.name);
attempt('top', () => { top.location = 'about:blank'; return 'moved'; });
fetch('/labstudio/api/v1/runs', {credentials: 'include'})
  .then(answer => answer.text(), error => error.name)
  .then(text => { seen.api = text; document.title = JSON.stringify(seen); });
</script>"""


def test_a_page_among_artifacts_cannot_touch_jupyterlab(
    desk: Desk, lab: Lab, tmp_path: Path
) -> None:
    tracking = lab.studio.tracking
    run = tracking.create_run(tracking.ensure_experiment("hostile"), "hostile")
    file = tmp_path / "page.html"
    file.write_text(HOSTILE)
    tracking.upload_artifact(run, "page.html", file)
    page = desk.page
    page.evaluate(
        """address => {
          const frame = document.createElement('iframe');
          frame.id = 'hostile';
          frame.src = address;
          document.body.append(frame);
        }""",
        f"{lab.url}labstudio/api/v1/runs/{run}/artifacts/file?path=page.html",
    )
    frame = page.frame(url=lambda url: "artifacts/file" in url)
    if frame is None:
        page.wait_for_timeout(2000)
        frame = page.frame(url=lambda url: "artifacts/file" in url)
    assert frame is not None
    frame.wait_for_function("document.title !== 'waiting' && document.title !== ''")
    seen = frame.evaluate("seen")
    assert seen["origin"] == "null"
    for name in ("cookie", "storage", "parent", "lab", "top"):
        assert seen[name] == "SecurityError", seen
    assert seen["api"] == "TypeError", seen
    assert page.evaluate("window.jupyterapp.name") == "JupyterLab"
    # What the page tried, Chromium tells the console.
    desk.complaints.clear()
