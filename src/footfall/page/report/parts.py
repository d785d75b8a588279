"""The content of a report before it becomes HTML: sentences, pictures, rows, and how each number was counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from footfall.answers.asked import Filters
from footfall.answers.charts import Markup
from footfall.page.report.spans import Span
from footfall.postgres.transactions import outlive_errors
from footfall.results import Table
from footfall.verbs.query import Answered, Asker


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart or a coloured table, with the numbers of its methods in the appendix and the rows behind it."""

    title: str
    markup: Markup
    methods: tuple[int, ...]
    rows: Table | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a report; if its question has no answer, `trouble` says why."""

    anchor: str
    title: str
    sentences: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    trouble: str = ""


@dataclass(slots=True)
class Method:
    """How numbers were made: a sentence that says what they are, and all answers of the question behind them.

    Shape: the keys of `answers` are command lines; the report shows the SQL of the first answer for all of them.
    """

    number: int
    about: str
    answers: dict[str, Answered] = field(default_factory=dict)

    @property
    def first(self) -> Answered:
        return next(iter(self.answers.values()))


@dataclass(slots=True)
class Asking:
    """The snapshot of a report, and the questions that were asked in it, each with a number for the appendix."""

    asker: Asker
    span: Span
    before: Span
    methods: dict[str, Method] = field(default_factory=dict)

    def ask(self, name: str, about: str = "", **options: Any) -> tuple[Answered, int]:
        """Ask a question; give its answer and the number of its method. Raises: FootfallError."""
        with outlive_errors(self.asker.connection):
            answered = self.asker.ask(name, Filters(**options))
        if name not in self.methods:
            self.methods[name] = Method(len(self.methods) + 1, about or answered.question.answers)
        method = self.methods[name]
        return method.answers.setdefault(answered.command, answered), method.number


def list_rows(answered: Answered) -> list[Mapping[str, Any]]:
    """Give the rows of an answer, each as values by the names of their columns."""
    return [dict(zip(answered.table.columns, row, strict=True)) for row in answered.table.rows]
