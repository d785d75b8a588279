"""The funnel: how far users get, how long they take, where they stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from footfall.answers.charts import write_duration, write_number, write_share
from footfall.page.drawing import DRAWINGS, frame_chart, list_rows
from footfall.page.making import Screen
from footfall.page.rendering import render
from footfall.page.sections import Ask, Section, View
from footfall.verbs.query import Answered

STEPS_MAX = 10
STEPS_ALONE = 3  # steps of the funnel if the address names none
SLOTS = 5  # select boxes at least: one per step, and empty ones for further steps


def choose_steps(view: View) -> list[str]:
    """Give the steps of the address; if it names none, the most frequent actions in this order."""
    given = [step.strip() for step in view.given.get("steps").split(",") if step.strip()]
    return given or [action for action in view.list_actions() if "," not in action][:STEPS_ALONE]


def list_sections(view: View) -> Sequence[Section]:
    """Give the sections of the funnel."""
    steps = choose_steps(view)
    chosen = Section("steps", "Steps", draw_steps)
    if len(steps) < 2:
        return [chosen, Section("funnel", "How far they get", draw_too_few)]
    asks = (Ask("funnel", {"steps": ",".join(steps)}),)
    within = view.options.get("within", "1d")
    note = f"Within {within} of the first step; each user counts once a step."
    if not view.given.get("steps"):
        note += " These are the most frequent actions, the most frequent first: choose your own above."
    return [chosen, Section("funnel", "How far they get", draw_funnel, asks, is_slow=True, note=note)]


def draw_too_few(view: View) -> Markup:
    """Say that there are too few actions for a funnel."""
    actions = view.list_actions()
    words = f"There is one action only, {actions[0]!r}" if actions else "There is no action"
    return Markup('<p class="muted">{}: a funnel has two steps at least.</p>').format(words)


def draw_steps(view: View) -> Markup:
    """Draw the form of the steps: one select box per step, whose empty entry takes the step away."""
    steps = choose_steps(view)
    slots = [*steps, *[""] * max(1, SLOTS - len(steps))][:STEPS_MAX]
    actions = view.list_actions()
    kept = {
        name: value for name, value in view.given.options.items() if name not in ("steps", "within", "order", "exclude")
    }
    return render(
        "steps.html", slots=slots, actions=list(dict.fromkeys([*actions, *steps])), kept=kept, given=view.given
    )


def draw_funnel(view: View, answered: Answered) -> Markup:
    """Draw the funnel, and above it a sentence: how many did all steps, and how long they took."""
    rows = list_rows(answered)
    steps = choose_steps(view)
    asked = replace(view, options={**view.options, "steps": ",".join(steps)})
    behind = asked.find_who_link("funnel", "steps", "within", "order", "exclude")

    def link(step: int, state: str) -> str:
        return behind(f"dropped-{step}" if state == "dropped" else step) if behind else ""

    drawing = view.make_drawing("Funnel", "funnel-chart", who_link=link if behind else None)
    drawn = frame_chart(DRAWINGS["funnel"](answered, drawing))
    if not rows or not rows[0]["user_count"]:
        return drawn
    first, last = rows[0]["user_count"], rows[-1]
    open_count = last.get("open_count") or 0
    sentence = f"{write_share(last['user_count'] / first)} of {write_number(first)} users did all {len(rows)} steps"
    if last.get("median_seconds") is not None:
        sentence += f"; half of them within {write_duration(float(last['median_seconds']))}"
        if last.get("p90_seconds") is not None:
            sentence += f", nine of ten within {write_duration(float(last['p90_seconds']))}"
    still = (
        f" Still open: {write_number(open_count)}, whose time is not over at the end of the data." if open_count else ""
    )
    return Markup("<p>{}.{}</p>").format(sentence, still) + drawn


FUNNEL = Screen(
    "/funnel",
    "Funnel",
    list_sections,
    fields=("since", "until", "product"),
    more=("steps", "within", "order", "exclude", "by", "limit"),
    lead="Of those who did the first step, how many went on, how long it took, and where the others stopped.",
)
