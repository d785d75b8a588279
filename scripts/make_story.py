#!/usr/bin/env python3
"""Write the files of a shop's spring, in which some things happen: python scripts/make_story.py FOLDER.

Each day has two files, one of the web and one of the app. The same bytes are written each time, by Python alone.
docs/how-to/answer-product-questions.md finds out by questions what STORY tells here.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

STORY = """
A shop is open from 4 March to 23 June 2024. Many look, some put things into the cart, fewer buy.
On 2 June a campaign brings people who look once and mostly stay away afterwards.
From 17 June on there is a new product, 41.
The app's file of 4 May lacks a column and cannot be loaded. As it should be, it is in FOLDER/again.
"""
HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
FIRST_DAY = datetime(2024, 3, 4, tzinfo=UTC)
DAYS = 112
USERS = 1_800
CAMPAIGN, VISITORS = 90, 260  # the day, and how many it brings
LAUNCH, LAUNCHED = 105, 41  # the day, and the product
BROKEN = 61  # the day whose file of the app cannot be loaded
END = FIRST_DAY + timedelta(days=DAYS - 1, hours=15)  # the last day is not complete
HOURS = [1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 11, 13, 12, 10, 9, 10, 12, 15, 18, 19, 15, 9, 4]  # how busy each is


def visit(chance: random.Random, day: int, patience: float) -> Iterator[tuple[str, int]]:
    """Give what somebody does on one visit: actions, each with its product."""
    product = 0
    if chance.random() < 0.3:
        yield "search", 1 + int(40 * chance.random() ** 3)
    for _ in range(1 + int(chance.expovariate(0.8))):
        is_new = day >= LAUNCH and chance.random() < 0.15
        product = LAUNCHED if is_new else 1 + int(40 * chance.random() ** 2.5)
        yield "view", product
    if chance.random() < 0.4 * patience:
        yield "add_to_cart", product
        if chance.random() < 0.45:
            yield "purchase", product


def tell_days() -> Iterator[tuple[str, str]]:
    """Give each interaction: the name of its file, and its row; the days in their order."""
    chance = random.Random(11)  # noqa: S311  (nothing here is a secret)
    joined = sorted(int(DAYS * chance.random() ** 2.2) for _ in range(USERS)) + [CAMPAIGN] * VISITORS
    eager = [chance.betavariate(1.3, 5) for _ in range(USERS)] + [0.04] * VISITORS
    number = 1000
    for day in range(DAYS):
        for user, first_day in enumerate(joined):
            age = day - first_day
            wish = eager[user] * (1.2 if day % 7 < 5 else 0.8) * (0.15 + 0.85 / (1 + max(age, 0) / 10))
            if age < 0 or (age and chance.random() > wish):
                continue
            at = FIRST_DAY + timedelta(days=day, hours=chance.choices(range(24), HOURS)[0])
            at += timedelta(seconds=chance.randrange(3600))
            where = "app" if user % 5 < 4 else "web"
            for action, product in visit(chance, day, 0.4 if user >= USERS else 1):
                if at >= END:
                    break
                number += 1
                yield f"{at:%Y-%m-%d}-{where}.csv", f"{number},{user + 1},{product},{action},{at:%Y-%m-%dT%H:%M:%SZ}\n"
                at += timedelta(seconds=chance.randrange(8, 420))


def write_story(folder: Path) -> list[Path]:
    """Write the files, those delivered again last; give their paths."""
    rows: dict[str, list[str]] = {}
    for name, row in tell_days():
        rows.setdefault(name, []).append(row)
    (folder / "again").mkdir(parents=True, exist_ok=True)
    broken = f"{FIRST_DAY + timedelta(days=BROKEN):%Y-%m-%d}-app.csv"
    paths = []
    for name, lines in sorted(rows.items()):
        paths.append(folder / name)
        text = HEADER + "".join(lines)
        if name == broken:
            paths.append(folder / "again" / name)
            paths[-1].write_text(text, encoding="utf-8")
            text = "".join(drop_action(line) for line in text.splitlines())
        (folder / name).write_text(text, encoding="utf-8")
    return paths


def drop_action(line: str) -> str:
    """Give a row without its action."""
    fields = line.split(",")
    return ",".join([*fields[:3], *fields[4:]]) + "\n"


def main() -> int:
    """Write the files into the folder that is named."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(f"{__doc__}{STORY}", file=sys.stderr)
        return 2
    paths = write_story(Path(sys.argv[1]))
    print(f"{len(paths)} files in {sys.argv[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
