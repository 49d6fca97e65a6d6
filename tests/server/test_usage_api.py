"""The usage ledger over REST."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from labstudio._studio import Studio
from labstudio.compute.models import Capacity, ComputeSettings, Need
from labstudio.usage import ledger

if TYPE_CHECKING:
    from conftest import Call

    from labstudio.home import Home

START = datetime(2026, 3, 25, 22, tzinfo=UTC)


async def test_a_report_and_its_csv(call: Call, home: Home) -> None:
    studio = Studio(home.path)
    settings = ComputeSettings(type="local", price_per_hour=3.0)
    stay = ledger.Stay("kernel", "k1", 0, "Untitled.ipynb", "box", "ann")
    with studio.database.begin() as connection:
        ledger.begin(connection, stay, Need(), settings, Capacity(cpus=2, memory_bytes=0), START)
        ledger.end(connection, "kernel", "k1", 0, outcome="ended", at=START + timedelta(hours=2))
    reply = await call("GET", "usage", params={"by": "compute"})
    assert (reply.code, reply.data["rows"][0]["key"], reply.data["total"]["cost"]) == (
        200,
        "box",
        6.0,
    )
    reply = await call("GET", "usage.csv", params={"by": "holder"})
    assert reply.code == 200
    assert reply.headers["Content-Type"].startswith("text/csv")
    assert reply.body.decode().splitlines()[1].startswith("k1,Untitled.ipynb,1,7200.0")
    studio.close()


async def test_a_wrong_key_is_named(call: Call) -> None:
    reply = await call("GET", "usage", params={"by": "shoe size"})
    assert reply.code == 400
    assert reply.data["details"]["field"] == "by"
