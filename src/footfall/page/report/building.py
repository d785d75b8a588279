"""Build the parts of a report, one function each: sentences and pictures, or a sentence why there are none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast

from footfall.answers.charts import Markup, write_change, write_share
from footfall.answers.charts.labels import Per
from footfall.errors import FootfallError
from footfall.page.report import pictures, sentences
from footfall.page.report.parts import Asking, Part, Picture, list_rows
from footfall.results import Table
from footfall.safe_text import mask

WITHIN = "1 day"  # from the first step of a funnel to its last: the default of the question
COHORTS = 12  # periods that retention and lifecycle have at least, however short the range is
MOVERS, TOP = 10, 10
MIDNIGHT_SHARE_MAX = 0.5  # of all interactions; if more are at midnight, the files seem to lack times
FUNNEL_ACTIONS_MIN = 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of a report besides its range: the steps of its funnel, and whether it names users."""

    funnel: str | None = None
    with_user_ids: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """One number at the top of a report, and how it compares with the time before.

    Shape: if `number` is None, `change` says why.
    """

    name: str
    number: int | None
    change: str
    methods: tuple[int, ...]


def build(anchor: str, title: str, make: Callable[[], Part]) -> Part:
    """Give a part; if its question cannot be answered, the part says why."""
    try:
        return make()
    except FootfallError as error:
        return Part(anchor, title, trouble=_say(error))


def _say(error: FootfallError) -> str:
    """Give the first line of an error; the server adds further lines for programmers."""
    return mask(error.message).partition("\n")[0]


def list_unusual(asking: Asking) -> tuple[list[Any], int]:
    """Give the unusual days of the span, the newest first."""
    answered, method = asking.ask("unusual-days", **asking.span.bounds)
    return list_rows(answered), method


def count_interactions(asking: Asking, bounds: dict[str, str]) -> tuple[int, int]:
    """Give the number of interactions within some bounds, and its method."""
    answered, method = asking.ask("actions", "Interactions: the sum over all actions.", **bounds)
    return sum(row["interaction_count"] for row in list_rows(answered)), method


def count_users(asking: Asking, bounds: dict[str, str]) -> tuple[int, int]:
    """Give the number of different users within some bounds, and its method."""
    answered, method = asking.ask(
        "stickiness", "Users: all who were active on at least one day of the range, each once.", **bounds
    )
    return sum(row["user_count"] for row in list_rows(answered)), method


def build_figures(asking: Asking, has_before: bool) -> list[Figure]:
    """Count the figures at the top of a report, and compare them with the time before."""
    figures = []
    when = asking.span.name_span_before(asking.before)

    def add(name: str, now: tuple[int, int], before: tuple[int, int] | None) -> None:
        change = sentences.compare(now[0], before[0] if before else None, when)
        figures.append(Figure(name, now[0], change, (now[1],)))

    counts = (
        ("interactions", count_interactions),
        ("users", count_users),
        ("new users", _count_new),
        ("sessions", _count_sessions),
    )
    for name, count in counts:
        try:
            now = count(asking, asking.span.bounds)
            add(name, now, count(asking, asking.before.bounds) if has_before else None)
        except FootfallError as error:
            figures.append(Figure(name, None, _say(error), ()))
    return figures


def _count_new(asking: Asking, bounds: dict[str, str]) -> tuple[int, int]:
    answered, method = asking.ask("new-users", "New users: their first interaction ever is within the range.", **bounds)
    return sum(row["user_count"] for row in list_rows(answered)), method


def _count_sessions(asking: Asking, bounds: dict[str, str]) -> tuple[int, int]:
    answered, method = asking.ask("sessions", "Sessions: those that begin within the range.", **bounds)
    return sum(row["session_count"] for row in list_rows(answered)), method


def build_trend(asking: Asking, unusual: Sequence[date]) -> Part:
    """Show interactions and users over time."""
    per = cast("Per", asking.span.per)
    counted, by_count = asking.ask(f"per-{per}", **asking.span.bounds)
    users, by_users = asking.ask("active-users", **asking.span.bounds, per=per)
    counts = {row[0]: row[1] for row in counted.table.rows}
    user_rows = [(row["day"], row["user_count"], row.get("is_complete", True)) for row in list_rows(users)]
    rows = [(day, counts.get(day, 0), is_complete) for day, _, is_complete in user_rows]
    marked = unusual if per == "day" else ()
    table = Table(
        (per, "interaction_count", "user_count", "is_complete"),
        tuple((day, number, user[1], whole) for (day, number, whole), user in zip(rows, user_rows, strict=True)),
    )
    return Part(
        "trend",
        "Trend",
        (sentences.say_trend(rows, per),) if rows else (),
        (
            Picture(
                f"Interactions per {per}",
                pictures.draw_trend("interactions", rows, "interactions", per, marked),
                (by_count, by_users),
                table,
                "Ringed: unusual days." if marked else "",
            ),
            Picture(
                f"Users per {per}, each counted once in it",
                pictures.draw_trend("users", user_rows, "users", per, ()),
                (by_users,),
            ),
        ),
    )


def build_heat(asking: Asking) -> Part:
    """Show in which hours of the week people are active."""
    answered, method = asking.ask("heat-map", **asking.span.bounds)
    rows = list_rows(answered)
    total = sum(row["interaction_count"] for row in rows)
    at_midnight = sum(row["interaction_count"] for row in rows if row["hour"] == 0)
    if total and at_midnight > total * MIDNIGHT_SHARE_MAX:
        return Part(
            "heat",
            "Hours of the week",
            trouble=f"{write_share(at_midnight / total)} of the interactions are in the hour from midnight on: "
            "the files seem to have dates without times, so that their hours say nothing.",
        )
    drawn, table = pictures.draw_heat(rows if total else [])
    title = "Interactions in an hour of the week, on average over the range"
    return Part("heat", "Hours of the week", pictures=(Picture(title, drawn, (method,), table),))


def build_funnel(asking: Asking, steps: str | None) -> Part:
    """Show where people drop out on the way to the last step."""
    actions, _ = asking.ask("actions", "Interactions: the sum over all actions.", **asking.span.bounds)
    names = [row["action"] for row in list_rows(actions)]
    if steps is None and len(names) < FUNNEL_ACTIONS_MIN:
        only = f"the one action here is {names[0][:60]!r}" if names else "there are none in this range"
        return Part("funnel", "Funnel", trouble=f"A funnel needs at least two actions; {only}.")
    chosen = {} if steps is None else {"steps": steps}
    answered, method = asking.ask("funnel", **asking.span.bounds, **chosen, within=WITHIN.replace(" day", "d"))
    rows = list_rows(answered)
    said = sentences.say_funnel(rows, WITHIN)
    if steps is None:
        said.append("No steps were named (--funnel): these are the most frequent actions.")
    return Part(
        "funnel",
        "Funnel",
        tuple(said),
        (
            Picture(
                f"Users who did the steps in this order, within {WITHIN}",
                pictures.draw_funnel(rows),
                (method,),
                Table(
                    (
                        "step",
                        "action",
                        "user_count",
                        "share_of_first",
                        "dropped_count",
                        "median_seconds",
                        "p90_seconds",
                    ),
                    tuple(
                        tuple(
                            row[name]
                            for name in (
                                *("step", "action", "user_count", "share_of_first"),
                                *("dropped_count", "median_seconds", "p90_seconds"),
                            )
                        )
                        for row in rows
                    ),
                ),
            ),
        ),
    )


def _choose_periods(asking: Asking) -> tuple[Per, dict[str, str]]:
    """Choose the periods of cohorts: weeks, or months for a long range; the last ones of it, COHORTS at least."""
    per: Per = "month" if asking.span.days > 400 else "week"
    back = timedelta(days=COHORTS * (31 if per == "month" else 7))
    since = min(asking.span.since, asking.span.until - back)
    return per, {"since": since.date().isoformat(), "until": asking.span.bounds["until"], "per": per}


def build_retention(asking: Asking) -> Part:
    """Show how many come back."""
    per, options = _choose_periods(asking)
    answered, method = asking.ask("retention", **options, periods=COHORTS)
    rows = list_rows(answered)
    if not any(row["cohort"] for row in rows):
        return Part("retention", "Retention", trouble="Nobody was new in this range.")
    title = f"Users new in a {per}, and how many of them came back"
    picture = Picture(title, pictures.draw_retention(rows, per), (method,))
    return Part("retention", "Retention", (sentences.say_retention(rows, per),), (picture,))


def build_lifecycle(asking: Asking) -> Part:
    """Show where the users of each period come from, and who stays away."""
    per, options = _choose_periods(asking)
    answered, method = asking.ask("lifecycle", **options)
    rows = list_rows(answered)
    periods, complete = pictures.read_lifecycle(rows)
    drawn, table = pictures.draw_lifecycle(rows, per)
    whole = [period for period in periods if complete[period]]
    return Part(
        "lifecycle",
        "Lifecycle",
        (sentences.say_lifecycle(periods, whole, per),),
        (
            Picture(
                f"Users per {per} by where they come from; below 0, those of the {per} before who did not come",
                drawn,
                (method,),
                table,
            ),
        ),
    )


def build_movers(asking: Asking, has_before: bool) -> Part:
    """Show which products changed most."""
    if not has_before:
        return Part(
            "movers", "What changed", trouble="The data begin within this range: there is nothing to compare it with."
        )
    answered, method = asking.ask("top-movers", **asking.span.bounds, limit=MOVERS)
    rows = list_rows(answered)
    table = Table(
        ("product", "before_count", "now_count", "change", "score"),
        tuple(
            (
                row["key"],
                row["before_count"],
                row["now_count"],
                write_change(row["change"]),
                None if row["score"] is None else round(row["score"], 1),
            )
            for row in rows
        ),
    )
    title = f"Products that changed most: {asking.span.name}, and as long a time before it"
    drawn = pictures.draw_movers(rows)
    return Part("movers", "What changed", (sentences.say_movers(rows),), (Picture(title, drawn, (method,), table),))


def build_top(asking: Asking, wanted: Wanted) -> Part:
    """Show the products with most interactions; if the report names users, also the users with most."""
    answered, method = asking.ask("top-products", **asking.span.bounds, limit=TOP)
    drawn = pictures.draw_top("products", "Products with most interactions", list_rows(answered), "product_id")
    shown = [Picture("Products with most interactions", drawn, (method,))]
    if wanted.with_user_ids:
        users, by_user = asking.ask("top-users", **asking.span.bounds, limit=TOP)
        drawn = pictures.draw_top("top-users", "Users with most interactions", list_rows(users), "user_id")
        shown.append(Picture("Users with most interactions", drawn, (by_user,)))
    return Part("top", "Most used", pictures=tuple(shown))


def build_unusual(rows: Sequence[Any], method: int) -> Part:
    """List the days that are far from their usual count, and how many files brought their rows."""
    known = [row for row in rows if row["score"] is not None]
    if not known:
        return Part("unusual", "Unusual days", ("No complete day was far from its usual.",))
    table = Table(
        ("day", "interaction_count", "usual_count", "score", "file_count", "usual_file_count", "rows_rejected"),
        tuple(
            (
                row["day"],
                row["interaction_count"],
                float(row["usual_count"]),
                round(row["score"], 1),
                row["file_count"],
                None if row["usual_file_count"] is None else float(row["usual_file_count"]),
                row["rows_rejected"],
            )
            for row in known
        ),
    )
    return Part(
        "unusual",
        "Unusual days",
        tuple(sentences.say_unusual(row) for row in known[:10]),
        (Picture("Unusual days, and the files that brought their rows", Markup(), (method,), table),),
    )
