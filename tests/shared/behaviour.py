"""What funnel, sessions and paths answer, said again in plain Python: by walking lists, with no SQL and no cleverness.

A history is a list of interactions; each answer is found by looking at every chain, session or path there is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations, pairwise
from typing import Any


@dataclass(frozen=True)
class Interaction:
    """One row of the tables; ids compare as the tables order them."""

    interaction_id: Any
    user_id: Any
    product_id: Any
    action: str
    at: datetime


History = Sequence[Interaction]


def by_user(history: History) -> dict[Any, list[Interaction]]:
    """Give each user's interactions in order: by time, of equal times by id."""
    found: dict[Any, list[Interaction]] = defaultdict(list)
    for each in sorted(history, key=lambda row: (row.at, row.interaction_id)):
        found[each.user_id].append(each)
    return dict(found)


# funnel


@dataclass(frozen=True)
class Funnel:
    """What a funnel asks. `since` and `until` bound the starts; None is no bound."""

    steps: tuple[str, ...]
    within: timedelta
    order: str = "ordered"
    exclude: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None

    def may_start(self, row: Interaction) -> bool:
        return (self.since is None or row.at >= self.since) and (self.until is None or row.at < self.until)

    def is_read(self, row: Interaction) -> bool:
        """Tell whether a row may belong to a chain: from the first start on, up to the last end."""
        return (self.since is None or row.at >= self.since) and (
            self.until is None or row.at < self.until + self.within
        )


def chains(asked: Funnel, rows: Sequence[Interaction], length: int) -> Iterator[tuple[int, ...]]:
    """Give every chain of so many steps, as the places of its interactions in what the user did."""
    for places in combinations(range(len(rows)), length):
        first, last = rows[places[0]], rows[places[-1]]
        if not asked.may_start(first) or last.at - first.at > asked.within:
            continue
        if any(rows[place].action in asked.exclude for place in range(places[0], places[-1] + 1)):
            continue
        done = [rows[place].action for place in places]
        if asked.order == "any":
            fits = len(set(done)) == length and set(done) <= set(asked.steps)
        else:
            fits = done == list(asked.steps[:length])
        if asked.order == "strict":
            fits = fits and places[-1] - places[0] == length - 1
        if fits:
            yield places


@dataclass(frozen=True)
class Walk:
    """How far one user came. By step: the seconds from the latest start of the first chain that did it."""

    seconds: dict[int, float]
    is_open: bool
    first: Interaction

    def did(self, step: int) -> bool:
        return step in self.seconds

    def dropped_at(self, step: int) -> bool:
        return step > 1 and self.did(step - 1) and not self.did(step)


def walk(asked: Funnel, rows: Sequence[Interaction], data_until: datetime) -> Walk | None:
    """Give how far one user came, None where there is no first step."""
    rows = [row for row in rows if asked.is_read(row)]
    seconds: dict[int, float] = {}
    for step in range(1, len(asked.steps) + 1):
        ways = list(chains(asked, rows, step))
        if ways:
            end = min(way[-1] for way in ways)
            start = max(way[0] for way in ways if way[-1] == end)
            seconds[step] = (rows[end].at - rows[start].at).total_seconds()
    if not seconds:
        return None
    return Walk(seconds, _is_open(asked, rows, data_until), rows[min(way[0] for way in chains(asked, rows, 1))])


def _is_open(asked: Funnel, rows: Sequence[Interaction], data_until: datetime) -> bool:
    """Tell whether a chain may still go on behind the last row."""
    for length in range(1, len(asked.steps) + 1 if asked.order == "strict" else 2):
        for way in chains(asked, rows, length):
            behind = rows[way[-1] + 1 :]
            is_broken = bool(behind) if asked.order == "strict" else any(r.action in asked.exclude for r in behind)
            if not is_broken and rows[way[0]].at + asked.within >= data_until:
                return True
    return False


def walks(asked: Funnel, history: History, data_until: datetime) -> dict[Any, Walk]:
    found = {user: walk(asked, rows, data_until) for user, rows in by_user(history).items()}
    return {user: each for user, each in found.items() if each is not None}


def lowest_within(seconds: Sequence[float], share: float) -> float | None:
    """Give the lowest of these numbers that at least this share of them does not exceed."""
    ordered = sorted(seconds)
    return next((each for at, each in enumerate(ordered, 1) if at / len(ordered) >= share), None)


def funnel_rows(asked: Funnel, found: dict[Any, Walk]) -> list[tuple[Any, ...]]:
    """Give the rows of the answer, without the value of a breakdown."""
    rows: list[tuple[Any, ...]] = []
    for step, action in enumerate(asked.steps, 1):
        count = sum(each.did(step) for each in found.values())
        first = sum(each.did(1) for each in found.values())
        before = sum(each.did(step - 1) for each in found.values())
        seconds = [each.seconds[step] for each in found.values() if each.did(step)] if step > 1 else []
        rows.append(
            (
                step,
                None if asked.order == "any" else action,
                count,
                count / first if first else None,
                count / before if before else None,
                sum(each.dropped_at(step) for each in found.values()),
                lowest_within(seconds, 0.5),
                lowest_within(seconds, 0.9),
                sum(each.dropped_at(step) and each.is_open for each in found.values()),
            )
        )
    return rows


# sessions


@dataclass(frozen=True)
class Session:
    """Interactions of one user with no longer gap between two than the question says."""

    rows: tuple[Interaction, ...]

    @property
    def begins(self) -> datetime:
        return self.rows[0].at

    @property
    def seconds(self) -> float:
        return (self.rows[-1].at - self.rows[0].at).total_seconds()


def sessions(
    history: History, gap: timedelta, since: datetime | None = None, until: datetime | None = None
) -> list[Session]:
    """Give the sessions that begin in the range; one that runs on is seen until a day behind it."""
    found = []
    for rows in by_user(history).values():
        read = [row for row in rows if until is None or row.at < until + timedelta(days=1)]
        session: list[Interaction] = []
        for row in read:
            if session and row.at - session[-1].at > gap:
                found.append(Session(tuple(session)))
                session = []
            session.append(row)
        if session:
            found.append(Session(tuple(session)))
    return [
        each for each in found if (since is None or each.begins >= since) and (until is None or each.begins < until)
    ]


# paths


def path_of(session: Session, depth: int, start: str | None = None, end: str | None = None) -> tuple[str, ...] | None:
    """Give the first actions of a session, repeats in a row drawn together; None where it has no such path."""
    actions = [session.rows[0].action]
    actions += [after.action for before, after in pairwise(session.rows) if after.action != before.action]
    if start is not None:
        if start not in actions:
            return None
        actions = actions[actions.index(start) :]
    if end is not None:
        behind = 1 if start is not None else 0
        if end not in actions[behind:]:
            return None
        actions = actions[: actions.index(end, behind) + 1]
        if start is None:
            return tuple(actions[-depth:])
    return tuple(actions[:depth])


def is_over(session: Session, path: tuple[str, ...], start: str | None, end: str | None) -> bool:
    """Tell whether nothing comes behind the path: the session ends, or it has come to where it was to go."""
    return end is not None or path_of(session, len(path) + 1, start) == path


def sequences(found: Sequence[Session], depth: int, **ends: str | None) -> Counter[tuple[str, ...]]:
    paths = (path_of(session, depth, **ends) for session in found)
    return Counter(path for path in paths if path is not None)
