"""Slots given out and taken back in the database: to jobs, and to kernels."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from shed import Shed

from labstudio._studio import Studio
from labstudio.compute import leases
from labstudio.compute.admission import Admission, Admitted
from labstudio.compute.forecast import Running, expected
from labstudio.compute.models import Need
from labstudio.compute.slots import Asking, Holding, Line, Slots
from labstudio.compute.toml import FILE
from labstudio.daemon.identity import worker_id
from labstudio.daemon.strays import sweep_computes
from labstudio.database.tables import computes, jobs
from labstudio.database.tables import leases as table
from labstudio.errors import Conflict, InvalidInput, Unavailable
from labstudio.home import Home
from labstudio.jobs.models import CreateJob, Job, JobState

Write = Callable[..., Path]


class Door:
    """Lets jobs in as a worker does, and keeps who came."""

    def __init__(self, studio: Studio, worker: str | None = None) -> None:
        self.asked: list[str] = []
        self.worker = worker or worker_id(studio.home)
        self._admission = Admission(studio, self.worker, self.asked.append)

    def admit(self) -> list[str]:
        found: list[Admitted] = []
        self._admission.admit(lambda _connection, each: found.append(each))
        return [each.id for each in found]


@pytest.fixture
def door(studio: Studio) -> Door:
    return Door(studio)


@pytest.fixture
def submit(studio: Studio) -> Callable[..., Job]:
    def make(user: str = "ann", **fields: object) -> Job:
        return studio.jobs.create(CreateJob(kind="cell", code="1", **fields), user=user)

    return make


def end(studio: Studio, job: Job) -> None:
    studio.jobs.store.begin_attempt(job.id, 1, "w")
    detail = studio.jobs.detail(job.id)
    assert studio.jobs.store.finish_attempt(detail, 1, JobState.succeeded)


def test_slots_come_back_with_the_end_of_the_attempt(
    studio: Studio, write_computes: Write, door: Door, submit: Callable[..., Job]
) -> None:
    write_computes("[local]\ncpus = 2\nmax_jobs = 2\n")
    first, second, third = submit(), submit(), submit()
    assert door.admit() == [first.id, second.id]
    assert door.admit() == []
    shown = studio.computes.detail("local")
    assert (shown.cpus_held, shown.cpus) == (2, 2)
    assert [each.id for each in shown.waiting] == [third.id]
    assert shown.waiting[0].why == "As many jobs run as may run at once."
    end(studio, first)
    assert door.admit() == [third.id]
    line = next(each for each in studio.usage.entries() if each.holder_id == first.id)
    assert line.ended_at is not None


def test_what_was_stopped_before_it_began_gives_its_slots_back(
    studio: Studio, write_computes: Write, door: Door, submit: Callable[..., Job]
) -> None:
    write_computes("[local]\nmax_jobs = 1\n")
    first, second = submit(), submit()
    assert door.admit() == [first.id]
    studio.jobs.stop(first.id)
    assert door.admit() == [second.id]


def test_users_have_their_share_and_their_limit(
    studio: Studio, write_computes: Write, door: Door, submit: Callable[..., Job]
) -> None:
    write_computes("[local]\ncpus = 4\nmax_jobs = 4\nmax_jobs_per_user = 2\n")
    mine = [submit("ann") for _ in range(6)]
    theirs = submit("bob")
    assert set(door.admit()) == {mine[0].id, mine[1].id, theirs.id}
    why = {each.id: each.why for each in studio.computes.detail("local").waiting}
    assert why[mine[2].id] == "Ann has 2 of 2 jobs there."


def test_gpus_are_given_by_number_and_shown(
    studio: Studio, write_computes: Write, door: Door, submit: Callable[..., Job]
) -> None:
    write_computes("[local]\ncpus = 8\nmax_jobs = 8\ngpus = 3\n")
    one, two = submit(need=Need(gpus=2)), submit(need=Need(gpus=1))
    late = submit(need=Need(gpus=1))
    door.admit()
    assert studio.computes.gpus_of("job", one.id) == (0, 1)
    assert studio.computes.gpus_of("job", two.id) == (2,)
    assert studio.computes.detail("local").gpus_held == 3
    end(studio, one)
    assert door.admit() == [late.id]
    assert studio.computes.gpus_of("job", late.id) == (0,)


def test_a_need_that_never_fits_is_refused_with_its_field(
    studio: Studio, write_computes: Write, submit: Callable[..., Job]
) -> None:
    write_computes("[local]\ncpus = 2\nmemory = 1000000\n")
    for need, field in ((Need(cpus=3), "cpus"), (Need(memory=2_000_000), "memory")):
        with pytest.raises(InvalidInput, match=rf"need\.{field} is") as caught:
            submit(need=need)
        assert caught.value.details["field"] == f"need.{field}"
    with pytest.raises(InvalidInput, match=r"need\.gpus is 1, and compute 'local' has 0"):
        submit(need=Need(gpus=1))


def test_a_draining_compute_lets_nothing_in(
    studio: Studio, door: Door, submit: Callable[..., Job]
) -> None:
    job = submit()
    studio.computes.drain("local", draining=True)
    assert door.admit() == []
    assert "Nothing new is let in" in studio.computes.detail("local").waiting[0].why
    studio.computes.drain("local", draining=False)
    assert door.admit() == [job.id]


def test_each_worker_lets_jobs_onto_its_own_machine(
    studio: Studio, write_computes: Write, door: Door, submit: Callable[..., Job]
) -> None:
    write_computes("[local]\nmax_jobs = 1\n")
    first, second, _ = submit(), submit(), submit()
    other = Door(studio, "elsewhere-1")
    assert (door.admit(), other.admit()) == ([first.id], [second.id])
    assert door.admit() == other.admit() == []


@pytest.mark.usefixtures("shed")
def test_other_computes_are_shared_and_looked_at_first(
    studio: Studio, write_computes: Write, door: Door, submit: Callable[..., Job]
) -> None:
    write_computes('[box]\ntype = "shed"\nhost = "h"\nmax_jobs = 1\n')
    studio.computes.list()
    first, _second = submit(compute="box"), submit(compute="box")
    assert door.admit() == []
    assert door.asked == ["box"]
    with studio.database.begin() as connection:
        seen = {"cpus": 4.0, "memory_bytes": 8 << 30, "gpus": 0}
        connection.execute(computes.update().where(computes.c.name == "box").values(seen))
    assert door.admit() == [first.id]
    assert Door(studio, "elsewhere-1").admit() == []
    with studio.database.begin() as connection:
        connection.execute(computes.update().values(problem="It does not answer."))
    shown = studio.computes.detail("box")
    assert shown.state == "unreachable"
    assert shown.waiting[0].why == "It does not answer."


def test_jobs_of_a_compute_that_is_gone_are_let_in_to_fail(
    studio: Studio, door: Door, submit: Callable[..., Job]
) -> None:
    job = submit()
    with studio.database.begin() as connection:
        connection.execute(jobs.update().values(compute="gone"))
    assert door.admit() == [job.id]


def test_a_kernel_draws_on_the_same_slots(
    studio: Studio, write_computes: Write, door: Door, submit: Callable[..., Job]
) -> None:
    write_computes("[local]\ncpus = 2\nmax_jobs = 8\ngpus = 1\n")
    assert studio.computes.lease_kernel("k", "local", "ann", Need(gpus=1)) == (0,)
    assert studio.computes.lease_kernel("k", "local", "ann", Need(gpus=1)) == (0,)
    first, _second = submit(), submit()
    assert door.admit() == [first.id]
    with pytest.raises(Conflict, match=r"0 of 1 cores are free\. 1 job and 1 kernel hold the rest"):
        studio.computes.lease_kernel("l", "local", "ann", Need())
    assert studio.computes.release("kernel", "k")
    assert not studio.computes.release("kernel", "k")
    assert len(door.admit()) == 1
    end(studio, first)
    # One that died is started anew under its id: another line of the ledger.
    assert studio.computes.lease_kernel("k", "local", "ann", Need(gpus=1)) == (0,)
    lines = [each for each in studio.usage.entries() if each.holder == "kernel"]
    assert sorted((each.attempt, each.ended_at is None) for each in lines) == [
        (1, False),
        (2, True),
    ]
    studio.computes.drain("local", draining=True)
    with pytest.raises(Unavailable, match="Nothing new is let in"):
        studio.computes.lease_kernel("m", "local", "ann", Need(cpus=0.1))


def test_what_nobody_holds_any_more_is_swept(
    studio: Studio, door: Door, submit: Callable[..., Job]
) -> None:
    job = submit()
    studio.computes.lease_kernel("k", "local", "ann", Need(cpus=0.1))
    door.admit()
    with studio.database.begin() as connection:
        assert leases.sweep(connection) == 0
        connection.execute(table.update().values(since=datetime.now(UTC) - timedelta(minutes=2)))
        assert leases.sweep(connection) == 1
        kept = connection.scalars(sa.select(table.c.holder_id)).all()
    assert kept == [job.id]


def test_the_line_is_played_forward_from_how_long_such_jobs_took() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    one = Slots(1000, 0, 0, 1)
    held = Holding("ann", one, now)
    line = Line(Slots(1000, 0, 0, 9), [held])
    asking = {n: Asking(n, "ann", one, now, 0) for n in ("1", "2", "3")}
    running = [Running(held, now + timedelta(seconds=10))]
    times = {"1": 5.0, "2": None, "3": 1.0}
    assert expected(line, running, asking, times, now) == {
        "1": now + timedelta(seconds=10),
        "2": now + timedelta(seconds=15),
        # It waits for one of which nobody knows how long it takes.
    }


def test_the_estimate_comes_from_history(
    studio: Studio, write_computes: Write, door: Door, submit: Callable[..., Job]
) -> None:
    write_computes("[local]\nmax_jobs = 1\n")
    before = submit(name="fit")
    door.admit()
    end(studio, before)
    with studio.database.begin() as connection:
        moment = datetime.now(UTC)
        took = {"started_at": moment - timedelta(seconds=100), "ended_at": moment}
        connection.execute(jobs.update().where(jobs.c.id == before.id).values(took))
    submit(name="fit")
    late, unknown = submit(name="fit"), submit(name="other")
    door.admit()
    first, second = studio.computes.detail("local").waiting
    assert (first.id, second.id) == (late.id, unknown.id)
    assert first.expected_at is not None
    assert second.expected_at is not None
    assert 90 < (first.expected_at - datetime.now(UTC)).total_seconds() <= 100
    assert 190 < (second.expected_at - datetime.now(UTC)).total_seconds() <= 200


@pytest.mark.usefixtures("shed")
def test_what_dead_processes_left_is_swept_on_every_compute(
    studio: Studio,
    write_computes: Write,
    door: Door,
    submit: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_computes('[box]\ntype = "shed"\nhost = "h"\n[wrong]\ntype = "shed"\n')
    studio.config.max_jobs = 2
    begun, let_in, over = submit(), submit(), submit()
    assert len(door.admit()) == 2
    studio.jobs.store.begin_attempt(begun.id, 1, "w")
    studio.jobs.stop(over.id)
    swept: dict[str, set[str]] = {}

    def sweep(self: Shed, keep: set[str]) -> int:
        swept[self.name] = set(keep)
        return 3

    monkeypatch.setattr(Shed, "sweep", sweep)
    assert sweep_computes(studio, studio.computes.opened) == 3
    assert swept == {"box": {f"{begun.id}/1", f"{let_in.id}/1"}}


@pytest.mark.postgres
def test_on_postgres_two_workers_give_nothing_out_twice(home: Home, postgres_url: str) -> None:
    studio = Studio(home.path, database_url=postgres_url, max_jobs=2)
    (studio.home.create().path / FILE).write_text("[local]\ncpus = 2\n")
    sent = [studio.jobs.create(CreateJob(kind="cell", code="1"), user="ann") for _ in range(8)]
    doors = [Door(studio, f"worker-{n}") for n in range(3)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(Door.admit, doors * 4))
    let_in = [job for each in found for job in each]
    assert sorted(let_in) == sorted(each.id for each in sent[:6])
    with studio.database.read() as connection:
        for door in doors:
            assert len(leases.held(connection, "local", door.worker)) == 2
    waiting = studio.computes.detail("local").waiting
    assert {each.id for each in waiting} == {each.id for each in sent[6:]}
    studio.close()
