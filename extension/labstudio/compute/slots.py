"""The algebra of slots: who of those who ask is let in now. Nothing here touches a database.

The order is priority, then the user who holds least, then first come. A user holds the largest
part that they have of any one thing (their dominant share), so that one who takes all the memory
with few cores holds much. What the next in line needs and cannot have yet is kept free for it:
others go past it only where it could still start beside them once those before it have ended.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labstudio.compute.models import Capacity, Need

MILLI = 1000
UNLIMITED = 1 << 62


@dataclass(frozen=True)
class Slots:
    """An amount of each thing that a compute gives out.

    Parameters
    ----------
    milli_cpus
        Thousandths of a core: sums of whole numbers are exact.
    memory_bytes, gpus
        Memory; whole GPUs.
    jobs
        How many may run, whatever they need.
    """

    milli_cpus: int = 0
    memory_bytes: int = 0
    gpus: int = 0
    jobs: int = 0

    def __add__(self, other: Slots) -> Slots:
        return Slots(*(mine + theirs for mine, theirs in zip(self.each, other.each, strict=True)))

    def __sub__(self, other: Slots) -> Slots:
        return Slots(*(mine - theirs for mine, theirs in zip(self.each, other.each, strict=True)))

    @property
    def each(self) -> tuple[int, int, int, int]:
        """The four amounts."""
        return self.milli_cpus, self.memory_bytes, self.gpus, self.jobs

    def within(self, other: Slots) -> bool:
        """Say whether there is no more of anything than in another."""
        return all(mine <= theirs for mine, theirs in zip(self.each, other.each, strict=True))

    def share(self, of: Slots) -> float:
        """Return the largest part that it is of anything; how many jobs it is does not count."""
        parts = zip(self.each[:3], of.each[:3], strict=True)
        return max(mine / all_ for mine, all_ in parts if all_) if any(of.each[:3]) else 0.0


def needed(need: Need, *, jobs: int = 1) -> Slots:
    """Return what a need takes; a kernel takes no place among the jobs."""
    return Slots(round(need.cpus * MILLI), int(need.memory), need.gpus, jobs)


def given_out(capacity: Capacity, max_jobs: int | None = None) -> Slots:
    """Return what a compute has to give out."""
    return Slots(
        round(capacity.cpus * MILLI),
        capacity.memory_bytes,
        capacity.gpus,
        UNLIMITED if max_jobs is None else max_jobs,
    )


@dataclass(frozen=True)
class Holding:
    """What somebody holds."""

    user: str
    slots: Slots
    since: Any


@dataclass(frozen=True)
class Asking:
    """Somebody who waits. `since` and then `id` say who came first."""

    id: str
    user: str
    slots: Slots
    since: Any
    priority: int = 0


@dataclass
class Line:
    """Those who wait for one compute, and what decides about them.

    Parameters
    ----------
    capacity
        What the compute gives out.
    holdings
        What is given out now.
    jobs_per_user
        The most jobs that one user may have there; None for any number.
    """

    capacity: Slots
    holdings: Sequence[Holding]
    jobs_per_user: int | None = None
    kept_for: Asking | None = field(default=None, init=False)
    """The next in line, when it cannot have yet what it needs."""

    def __post_init__(self) -> None:
        self.free = self.capacity
        self._users: dict[str, Slots] = defaultdict(Slots)
        self._past = Slots()
        for held in self.holdings:
            self.free -= held.slots
            self._users[held.user] += held.slots

    def let_in(self, asking: Iterable[Asking]) -> list[Asking]:
        """Return those who are let in now, in their order."""
        queues: dict[str, deque[Asking]] = defaultdict(deque)
        for each in sorted(asking, key=lambda each: (-each.priority, each.since, each.id)):
            queues[each.user].append(each)
        found = []
        while queues and self.free.jobs > 0:
            head = min((queue[0] for queue in queues.values()), key=self._order)
            if self._full(head.user):
                del queues[head.user]
                continue
            queues[head.user].popleft()
            if not queues[head.user]:
                del queues[head.user]
            if self._fits(head):
                found.append(head)
                self._give(head)
        return found

    def _order(self, each: Asking) -> tuple[Any, ...]:
        return -each.priority, self._users[each.user].share(self.capacity), each.since, each.id

    def _full(self, user: str) -> bool:
        return self.jobs_per_user is not None and self._users[user].jobs >= self.jobs_per_user

    def _fits(self, each: Asking) -> bool:
        if not each.slots.within(self.capacity):
            return False  # It never will: it holds nobody up.
        kept = self.kept_for
        if kept is None:
            if each.slots.within(self.free):
                return True
            self.kept_for = each
            for held in self.holdings:
                if held.since > each.since:
                    self._past += held.slots
            return False
        beside = kept.slots + self._past + each.slots
        return each.slots.within(self.free) and beside.within(self.capacity)

    def _give(self, each: Asking) -> None:
        self.free -= each.slots
        self._users[each.user] += each.slots
        if self.kept_for is not None:
            self._past += each.slots


def choose_gpus(number: int, count: int, taken: Iterable[int]) -> list[int]:
    """Return the lowest numbers of GPUs that nobody has, so many as are needed."""
    used = set(taken)
    return [each for each in range(count) if each not in used][:number]
