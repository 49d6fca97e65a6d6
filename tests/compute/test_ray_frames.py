"""What a driver prints, and the folder that is rebuilt from it; without a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labstudio.compute.ray.client import dashboard_url
from labstudio.compute.ray.frames import BEAT, Damaged, Frame, decode, encode
from labstudio.compute.ray.mirror import Mirror, amend
from labstudio.compute.ray.pump import Pump
from labstudio.compute.ray.settings import RaySettings
from labstudio.errors import InvalidInput
from labstudio.inputs import validated
from labstudio.jobs.runner import protocol


@given(st.binary(max_size=3000), st.integers(0, 1 << 40))
def test_that_a_frame_is_read_as_it_was_written(data: bytes, at: int) -> None:
    frame = Frame(7, "work/ü\n.bin", at, at + len(data), 0o644, data)
    line = encode(frame)
    assert line.count(b"\n") == 1
    assert decode(line[:-1]) == frame


def test_that_other_lines_are_passed_over_and_damage_is_noticed() -> None:
    assert decode(b"Running entrypoint for job x") is None
    assert decode(BEAT) is None
    line = encode(Frame(0, "log", data=b"hello"))[:-1]
    with pytest.raises(Damaged):
        decode(line[:-9] + line[-8:])


def pumped(folder: Path) -> list[Frame]:
    lines: list[bytes] = []
    pump = Pump(folder, lines.append)
    (folder / "log").write_bytes(b"a" * 600_000)
    pump.step()
    with (folder / "log").open("ab") as log:
        log.write(b"b" * 10)
    (folder / "output.ipynb").write_bytes(b"n" * 700_000)
    pump.step()
    (folder / "work").mkdir()
    (folder / "work" / "empty").write_bytes(b"")
    pump.send("work/empty")
    pump.end()
    return [frame for line in lines if (frame := decode(line[:-1]))]


def test_that_frames_cut_and_repeated_make_the_same_folder(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    frames = pumped(there)
    (here / "log").write_bytes(b"first\n")
    for cut in range(1, len(frames) + 1):
        # Another process each time, which may have been killed before it wrote how far it was.
        mirror = Mirror(here)
        for frame in frames[:cut]:
            mirror.put(frame)
        if cut % 2:
            amend(here, following=mirror._whole)
    assert mirror.ended
    assert (here / "log").read_bytes() == b"first\n" + b"a" * 600_000 + b"b" * 10
    assert (here / "output.ipynb").read_bytes() == b"n" * 700_000
    assert (here / "work" / "empty").read_bytes() == b""


def test_that_a_gap_and_a_foreign_file_are_refused(tmp_path: Path) -> None:
    mirror = Mirror(tmp_path)
    mirror.put(Frame(0, "log", data=b"x"))
    with pytest.raises(Damaged):
        mirror.put(Frame(2, "log", 1, data=b"x"))
    for path in ("work/../attempt.json", "attempt.json", "/etc/passwd", "claim"):
        with pytest.raises(Damaged):
            Mirror(tmp_path).put(Frame(0, path, 0, 1, data=b"x"))
    assert [each.name for each in tmp_path.iterdir() if each.name != "ray.json"] == ["log"]


def test_that_a_stop_for_preemption_is_told_as_one(tmp_path: Path) -> None:
    amend(tmp_path, submission="s", preempting=True)
    told = protocol.Result(outcome="stopped", ended_at=protocol.now()).model_dump_json().encode()
    Mirror(tmp_path).put(Frame(0, protocol.RESULT, 0, len(told), data=told))
    result = protocol.read_result(tmp_path)
    assert result is not None
    assert result.outcome == "preempted"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("head:8265", "http://head:8265"),
        ("http://head:8265/", "http://head:8265"),
        ("https://ray.example/team", "https://ray.example/team"),
        ("ray://head:10001", "http://head:8265"),
        ("http://[::1]:8265", "http://[::1]:8265"),
    ],
)
def test_addresses(address: str, url: str) -> None:
    assert dashboard_url(address) == url


def test_that_a_wrong_address_is_told() -> None:
    with pytest.raises(InvalidInput, match="address"):
        validated(RaySettings, {"type": "ray", "address": "ftp://head"})
