"""Who is let in: never more than there is, by priority and share, and nobody waits for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labstudio.compute.models import Capacity, Need
from labstudio.compute.slots import (
    UNLIMITED,
    Asking,
    Holding,
    Line,
    Slots,
    choose_gpus,
    given_out,
    needed,
)

ONE = Slots(1000, 0, 0, 1)
USERS = st.sampled_from(["ann", "bob", "cy"])
SMALL = st.builds(
    Slots,
    st.sampled_from([250, 500, 1000, 2000, 4000]),
    st.sampled_from([0, 1, 4]),
    st.integers(0, 2),
    st.just(1),
)
CAPACITY = st.builds(
    Slots, st.integers(1, 8).map(lambda n: n * 1000), st.integers(0, 16), st.integers(0, 4),
    st.integers(1, 6),
)  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> tuple[Line, list[Asking]]:
    capacity = draw(CAPACITY)
    held, free = [], capacity
    for slots, user in draw(st.lists(st.tuples(SMALL, USERS), max_size=5)):
        if slots.within(free):
            free -= slots
            held.append(Holding(user, slots, draw(st.integers(0, 9))))
    asking = [
        Asking(f"{n:02}", user, slots, n, priority)
        for n, (slots, user, priority) in enumerate(
            draw(st.lists(st.tuples(SMALL, USERS, st.integers(-1, 1)), max_size=8))
        )
    ]
    return Line(capacity, held, draw(st.sampled_from([None, 1, 2]))), asking


@given(lines())
def test_no_more_is_given_out_than_there_is(made: tuple[Line, list[Asking]]) -> None:
    line, asking = made
    granted = line.let_in(asking)
    total = sum((each.slots for each in (*line.holdings, *granted)), Slots())
    assert total.within(line.capacity)
    assert len({each.id for each in granted}) == len(granted)
    if line.jobs_per_user is not None:
        for user in {each.user for each in granted}:
            everything = [each for each in (*line.holdings, *granted) if each.user == user]
            assert len(everything) <= max(
                line.jobs_per_user, sum(each.user == user for each in line.holdings)
            )


@given(lines())
def test_what_fits_is_not_left_waiting_unless_it_is_kept_for_another(
    made: tuple[Line, list[Asking]],
) -> None:
    line, asking = made
    granted = line.let_in(asking)
    for each in asking:
        if each in granted or line.kept_for is not None:
            continue
        mine = [one for one in (*line.holdings, *granted) if one.user == each.user]
        full = line.jobs_per_user is not None and len(mine) >= line.jobs_per_user
        assert full or not each.slots.within(line.free)


@given(
    st.lists(st.tuples(st.sampled_from([1000, 2000]), st.integers(1, 4)), min_size=8, max_size=30)
)
def test_small_jobs_do_not_starve_a_big_one(stream: list[tuple[int, int]]) -> None:
    """A steady stream of small jobs; a big one that needs everything comes at moment three."""
    capacity = Slots(4000, 0, 0, UNLIMITED)
    running: list[tuple[Holding, int]] = []
    waiting: list[Asking] = []
    longest = max(length for _, length in stream)
    began = None
    for moment in range(3 + 2 * longest + 2):
        running = [(held, ends) for held, ends in running if ends > moment]
        cpus, _ = stream[moment % len(stream)]
        waiting.append(Asking(f"s{moment:03}", "ann", Slots(cpus, 0, 0, 1), moment))
        if moment == 3:
            waiting.append(Asking("big", "ann", Slots(4000, 0, 0, 1), moment))
        line = Line(capacity, [held for held, _ in running])
        for each in line.let_in(waiting):
            waiting.remove(each)
            length = 1 if each.id == "big" else stream[int(each.id[1:]) % len(stream)][1]
            running.append((Holding(each.user, each.slots, moment + 0.5), moment + length))
            if each.id == "big":
                began = moment
        if began is not None:
            break
    # Those that came before it go first; from then on at most one length of what runs.
    assert began is not None


def test_who_holds_least_is_next() -> None:
    held = [Holding("ann", Slots(1000, 0, 0, 1), 0)]
    line = Line(Slots(2000, 0, 0, 9), held)
    asking = [
        Asking("1", "ann", Slots(1000, 0, 0, 1), 1),
        Asking("2", "bob", Slots(1000, 0, 0, 1), 2),
    ]
    assert [each.id for each in line.let_in(asking)] == ["2"]


def test_the_share_is_of_what_one_takes_most_of() -> None:
    held = [
        Holding("ann", Slots(1000, 60, 0, 1), 0),  # a tenth of the cores, much of the memory
        Holding("bob", Slots(4000, 10, 0, 1), 0),
    ]
    line = Line(Slots(10_000, 100, 0, 3), held)
    asking = [
        Asking("1", "ann", Slots(100, 0, 0, 1), 1),
        Asking("2", "bob", Slots(100, 0, 0, 1), 2),
    ]
    assert [each.id for each in line.let_in(asking)] == ["2"]


def test_priority_goes_before_share() -> None:
    line = Line(Slots(1000, 0, 0, 9), [])
    asking = [
        Asking("1", "ann", Slots(1000, 0, 0, 1), 1),
        Asking("2", "bob", Slots(1000, 0, 0, 1), 2, priority=1),
    ]
    assert [each.id for each in line.let_in(asking)] == ["2"]


def test_one_that_fits_beside_the_next_in_line_goes_past_it() -> None:
    """Four cores, three held. The next needs two; one core is free for a small one."""
    held = [Holding("ann", Slots(3000, 0, 0, 1), 0)]
    asking = [
        Asking("big", "ann", Slots(2000, 0, 0, 1), 1),
        Asking("small", "ann", Slots(1000, 0, 0, 1), 2),
    ]
    assert [each.id for each in Line(Slots(4000, 0, 0, 9), held).let_in(asking)] == ["small"]
    asking[0] = Asking("big", "ann", Slots(4000, 0, 0, 1), 1)
    line = Line(Slots(4000, 0, 0, 9), held)
    assert line.let_in(asking) == []
    assert line.kept_for is asking[0]


def test_what_can_never_fit_holds_nobody_up() -> None:
    asking = [
        Asking("huge", "ann", Slots(9000, 0, 0, 1), 1),
        Asking("small", "ann", Slots(1000, 0, 0, 1), 2),
    ]
    assert [each.id for each in Line(Slots(2000, 0, 0, 9), []).let_in(asking)] == ["small"]


def test_a_user_at_their_limit_holds_nobody_up() -> None:
    held = [Holding("ann", Slots(1000, 0, 0, 1), 0)]
    line = Line(Slots(3000, 0, 0, 3), held, jobs_per_user=1)
    asking = [
        Asking("1", "ann", Slots(1000, 0, 0, 1), 1),
        Asking("2", "bob", Slots(1000, 0, 0, 1), 2),
    ]
    assert [each.id for each in line.let_in(asking)] == ["2"]


def test_a_kernel_takes_no_place_among_the_jobs() -> None:
    need = Need(cpus=0.5, memory="1GiB", gpus=1)
    assert needed(need, jobs=0) == Slots(500, 1 << 30, 1, 0)
    assert given_out(Capacity(cpus=1.5, memory_bytes=7)) == Slots(1500, 7, 0, UNLIMITED)


def test_gpus_are_given_by_number() -> None:
    assert choose_gpus(2, 4, [0, 2]) == [1, 3]
