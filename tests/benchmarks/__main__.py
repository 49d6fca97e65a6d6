"""Run every benchmark, write ``results.json``, and bring the README's table up to date."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import (
    compare_view,
    containers,
    jobs,
    kernels,
    logging_cost,
    logs,
    moves,
    runs,
)
from tests.benchmarks.measure import Result, daemon, machine

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
README = HERE.parents[1] / "README.md"
MARKS = re.compile(r"(<!-- benchmarks -->\n).*?(<!-- /benchmarks -->)", re.DOTALL)


def main() -> int:
    """Measure; return 1 when a ratio is over its bound."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with daemon() as studio:
            results = [jobs.first_output(studio, folder), jobs.ten_notebooks(studio, folder)]
            results += logging_cost.logged(studio)
        results.append(logs.streamed(folder))
        results.append(moves.gigabyte(folder))
        results += compare_view.compared()
        results += runs.found(folder)
        if (in_container := containers.docker_job(folder)) is not None:
            results.append(in_container)
    results += [each for each in (kernels.in_containers(), kernels.over_ssh()) if each is not None]
    content = {"machine": machine(), "results": [each.as_json() for each in results]}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")
    write_table(results)
    over = [each.name for each in results if each.ratio > each.bound]
    if over:
        print(f"over their bounds: {', '.join(over)}", file=sys.stderr)
    return int(bool(over))


def write_table(results: list[Result]) -> None:
    """Put the figures into the README, between its marks."""
    rows = ["| What | Peer | Ours, s | Peer, s | Ratio | Bound |", "|---|---|--:|--:|--:|--:|"]
    rows += [
        f"| {each.what} | {each.peer} | {each.ours_s:.2f} | {each.peer_s:.2f} "
        f"| **{each.ratio:.2f}** | {each.bound:.2f} |"
        for each in results
    ]
    table = "\n".join(rows)
    text = README.read_text()
    README.write_text(MARKS.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text))


if __name__ == "__main__":
    sys.exit(main())
