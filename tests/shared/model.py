"""A plain model of Footfall's tables: no SQL, dictionaries alone, and every state made anew from the whole history.

The history is a list of deliveries and of users who were forgotten, in the order in which they were committed. Taking
a load back strikes its delivery from the history, and the tables are those of the history that is left: so the model
knows nothing of how rows pass from one load to another. One thing it takes from Footfall: which rejected row a row of
a mended file is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from footfall.contract.pairing import pair

QUARTER = timedelta(minutes=15)
QUARTERS_OF_A_DAY = 96
COLUMNS = ("interaction_id", "user_id", "product_id", "action", "timestamp")
FORGOTTEN = frozenset([("forgotten-user", "user_id")])
CONFLICT = frozenset([("conflicting-duplicate", "interaction_id")])
Problems = frozenset[tuple[str, str | None]]
Content = tuple[int, int, str, datetime]  # user, product, action, instant


@dataclass(frozen=True, slots=True)
class Terms:
    """The contract of one load, as far as the model knows it. `is_swapped`: users and products change their columns."""

    zone: str = "UTC"
    actions: tuple[str, ...] | None = None
    is_swapped: bool = False
    has_made_ids: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A row and what the contract says of it: its id and content, or its problems.

    `occurrence`: the how-manieth of its kind it is in its file, for ids that are made. `user` is the user where that
    can be read, of a rejected row too; `words` are its fields.
    """

    line: int
    raw: str
    occurrence: int = 1
    key: Hashable = None
    content: Content | None = None
    problems: Problems = frozenset()
    user: int | None = None
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Delivery:
    """The rows that one load took. A load that mends names the rejected rows of another one that it closed.

    `stood_for` are rejected rows of its own for which an open row of the load that it mends stands.
    """

    number: int
    digest: str
    rows: tuple[Judged, ...]
    terms: Terms
    mends: int | None = None
    closes: frozenset[int] = frozenset()
    stood_for: frozenset[int] = frozenset()
    is_undone: bool = False


@dataclass(frozen=True, slots=True)
class Forget:
    """A user who was forgotten at this place of the history."""

    user: int


@dataclass(slots=True)
class Sums:
    """What the ledger says of one load."""

    read: int = 0
    loaded: int = 0
    duplicate: int = 0
    rejected: int = 0
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row of the quarantine: what it was, its problems, and which load closed it."""

    row: Judged
    problems: Problems
    closed_by: int | None = None


@dataclass(slots=True)
class Tables:
    """What the tables hold after a history. Loads are numbers in the order of their commits."""

    raw: dict[Hashable, tuple[Content, int]] = field(default_factory=dict)
    quarantine: dict[tuple[int, int], Rejected] = field(default_factory=dict)
    ledger: dict[int, Sums] = field(default_factory=dict)
    duplicates: dict[tuple[int, int], Counter[Hashable]] = field(default_factory=lambda: defaultdict(Counter))
    conflicts: Counter[tuple[int, int]] = field(default_factory=Counter)
    forgotten: set[int] = field(default_factory=set)

    def deliver(self, delivery: Delivery) -> None:
        """Take the rows of a delivery one by one."""
        number, sums = delivery.number, Sums(read=len(delivery.rows))
        self.ledger[number] = sums
        for row in delivery.rows:
            problems = self.take(number, row)
            if problems:
                sums.rejected += 1
                self.quarantine[number, row.line] = Rejected(row, problems)
        for line in delivery.closes:
            place = delivery.mends or 0, line
            self.quarantine[place] = replace(self.quarantine[place], closed_by=number)
        for line in delivery.stood_for:
            self.quarantine[number, line] = replace(self.quarantine[number, line], closed_by=number)

    def list_whole(self, number: int) -> list[tuple[int, Rejected]]:
        """List the rejected rows of a load whose text is still kept, by their lines."""
        found = ((line, each) for (load, line), each in sorted(self.quarantine.items()) if load == number)
        return [(line, each) for line, each in found if not each.problems >= FORGOTTEN]

    def take(self, number: int, row: Judged) -> Problems:
        """Take one row of a load; give why it is rejected, or nothing."""
        if self._is_forgotten(row.user, row.words):
            return FORGOTTEN
        if row.content is None:
            return row.problems
        if row.key not in self.raw:
            self.raw[row.key] = row.content, number
            self.ledger[number].loaded += 1
            return frozenset()
        content, first = self.raw[row.key]
        if content != row.content:
            self.conflicts[number, first] += 1
            return CONFLICT
        self.duplicates[number, first][row.key] += 1
        self.ledger[number].duplicate += 1
        return frozenset()

    def _is_forgotten(self, user: int | None, words: frozenset[str]) -> bool:
        """Say whether a row is of a forgotten user, or may be where its user cannot be told."""
        return user in self.forgotten if user is not None else any(str(each) in words for each in self.forgotten)

    def forget(self, user: int) -> None:
        """Take the rows of a user out, and blank those of the quarantine."""
        self.forgotten.add(user)
        for key, ((of, *_), number) in list(self.raw.items()):
            if of == user:
                del self.raw[key]
                self.ledger[number].forgotten += 1
        for place, rejected in self.quarantine.items():
            if self._is_forgotten(rejected.row.user, rejected.row.words):
                # That it was a conflict stays known: what a load met is proven by it.
                self.quarantine[place] = replace(rejected, problems=FORGOTTEN | (rejected.problems & CONFLICT))

    def list_contents(self) -> list[Content]:
        """List the content of each interaction that is there."""
        return [content for content, _ in self.raw.values()]


@dataclass(slots=True)
class History:
    """Everything that was committed, in its order."""

    events: list[Delivery | Forget] = field(default_factory=list)

    def tables(self) -> Tables:
        """Make the tables from nothing."""
        tables = Tables()
        for event in self.events:
            if isinstance(event, Forget):
                tables.forget(event.user)
            elif not event.is_undone:
                tables.deliver(event)
        return tables

    def deliveries(self) -> list[Delivery]:
        """List all loads, the undone ones too."""
        return [event for event in self.events if isinstance(event, Delivery)]

    def standing(self) -> list[Delivery]:
        return [delivery for delivery in self.deliveries() if not delivery.is_undone]

    def find_standing(self, digest: str) -> Delivery | None:
        """Find the load that stands of a file."""
        return next((each for each in self.standing() if each.digest == digest), None)

    def deliver(self, digest: str, rows: Iterable[Judged], terms: Terms) -> None:
        """Add a load. A file that is there already changes nothing: see to it first."""
        self.events.append(Delivery(len(self.deliveries()), digest, tuple(rows), terms))

    def replay(self, number: int, terms: Terms) -> bool:
        """Judge the open rejected rows of a load again: what is valid and no conflict closes. Say whether any is."""
        tables, replayed = self.tables(), len(self.deliveries())
        taken = []
        tables.ledger[replayed] = Sums()
        for (load, _), rejected in sorted(tables.quarantine.items()):
            if load != number or rejected.closed_by is not None or rejected.problems >= FORGOTTEN:
                continue
            row = judge_line(rejected.row.line, rejected.row.raw, terms, rejected.row.occurrence)
            if not tables.take(replayed, row):
                taken.append(row)
        if taken:
            closes = frozenset(row.line for row in taken)
            self.events.append(Delivery(replayed, "", tuple(taken), terms, number, closes))
        return bool(taken)

    def mend(self, number: int, digest: str, text: str, terms: Terms) -> None:
        """Add a load of a file that mends rejected rows of another one: which row is which, its text says."""
        tables, mending, rows = self.tables(), len(self.deliveries()), judge(text, terms)
        kept = tables.list_whole(number)
        are_open = [old.closed_by is None for _, old in kept]
        paired = pair([row.raw for row in rows], [old.row.raw for _, old in kept], are_open)
        tables.ledger[mending] = Sums()
        refused = {row.line for row in rows if tables.take(mending, row)}
        pairs = {row.line: kept[at][0] for row, at in zip(rows, paired, strict=True) if at is not None}
        is_open = {line for line, old in kept if old.closed_by is None}
        closes = frozenset(of for own, of in pairs.items() if own not in refused) & is_open
        stood_for = frozenset(own for own, of in pairs.items() if own in refused and of in is_open - closes)
        self.events.append(Delivery(mending, digest, tuple(rows), terms, number, closes, stood_for))

    def undo(self, numbers: Iterable[int]) -> None:
        """Strike loads from the history."""
        wanted = set(numbers)
        self.events = [
            replace(event, is_undone=True) if isinstance(event, Delivery) and event.number in wanted else event
            for event in self.events
        ]

    def forget(self, user: int) -> None:
        self.events.append(Forget(user))

    def find_dependents(self, numbers: Iterable[int]) -> set[int]:
        """Find the loads that cannot stand without these: that met a conflict with one of them, or that mend one."""
        tables, wanted = self.tables(), set(numbers)
        gone = set(wanted)
        while True:
            more = {load for load, first in tables.conflicts if first in gone}
            more |= {each.number for each in self.standing() if each.mends in gone}
            if more <= gone:
                return gone - wanted
            gone |= more


# The rows of a file


def judge(text: str, terms: Terms) -> list[Judged]:
    """Judge the lines of a file below its header; they hold no quotes."""
    seen: Counter[str] = Counter()
    judged = []
    for line, raw in enumerate(text.splitlines(), start=2):
        if raw.strip(" \t"):
            seen[raw] += 1
            judged.append(judge_line(line, raw, terms, seen[raw]))
    return judged


def judge_line(line: int, raw: str, terms: Terms, occurrence: int) -> Judged:
    """Judge one line."""
    fields = [each.strip(" \t") for each in raw.split(",")]
    words = frozenset(fields)
    if len(fields) != len(COLUMNS):
        code = "too-few-fields" if len(fields) < len(COLUMNS) else "too-many-fields"
        return Judged(line, raw, occurrence, problems=frozenset([(code, None)]), words=words)
    values = dict(zip(COLUMNS, fields, strict=True))
    if terms.is_swapped:
        values["user_id"], values["product_id"] = values["product_id"], values["user_id"]
    problems: set[tuple[str, str | None]] = set()
    ids = {}
    for name in COLUMNS[:3]:
        if name == "interaction_id" and terms.has_made_ids:
            continue
        code = find_problem_of_id(values[name])
        if code:
            problems.add((code, name))
        else:
            ids[name] = int(values[name])
    if not values["action"]:
        problems.add(("missing-value", "action"))
    elif terms.actions is not None and values["action"] not in terms.actions:
        problems.add(("unknown-action", "action"))
    instant = read_instant(values["timestamp"], terms.zone)
    if instant is None:
        problems.add(("not-a-timestamp" if values["timestamp"] else "missing-value", "timestamp"))
    user = ids.get("user_id")
    if problems or instant is None:
        return Judged(line, raw, occurrence, problems=frozenset(problems), user=user, words=words)
    key: Hashable = (raw, occurrence) if terms.has_made_ids else ids["interaction_id"]
    content = ids["user_id"], ids["product_id"], values["action"], instant
    return Judged(line, raw, occurrence, key, content, user=user, words=words)


def find_problem_of_id(text: str) -> str | None:
    if not text:
        return "missing-value"
    if not text.removeprefix("-").isdigit():
        return "not-an-integer"
    return None if 0 <= int(text) < 1 << 63 else "out-of-range"


def read_instant(text: str, zone: str) -> datetime | None:
    """Read a timestamp of Footfall's own form; None where it is none."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


# What the tables of counts hold


def count_all(contents: Iterable[Content]) -> dict[str, list[Any]]:
    """Count interactions for each table of counts, in the order of its key."""
    rows = list(contents)
    users: dict[int, list[datetime]] = defaultdict(list)
    days: dict[tuple[Any, int], list[datetime]] = defaultdict(list)
    for user, _, _, at in rows:
        users[user].append(at)
        days[at.date(), user].append(at)
    return {
        "interactions": count_by((user, product) for user, product, _, _ in rows),
        "interactions_per_user": [(user, len(at), min(at), max(at)) for user, at in sorted(users.items())],
        "interactions_per_product": count_by((product,) for _, product, _, _ in rows),
        "interactions_per_quarter_hour": count_by((quarter_of(at), action) for _, _, action, at in rows),
        "user_days": [(*key, bits_of(at), len(at)) for key, at in sorted(days.items())],
    }


def count_by(keys: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(*key, number) for key, number in sorted(Counter(keys).items())]


def quarter_of(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def bits_of(instants: Iterable[datetime]) -> str:
    """Give the quarter hours of a day in which there is one of these instants, as 96 bits."""
    held = {(at.hour * 60 + at.minute) // 15 for at in instants}
    return "".join("1" if quarter in held else "0" for quarter in range(QUARTERS_OF_A_DAY))
