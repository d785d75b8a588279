"""Files with a story: a shop's spring, in which something happens. The same bytes each time."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

HEADER = "interaction_id,user_id,product_id,action,timestamp\n"
FIRST_DAY = datetime(2024, 3, 4, tzinfo=UTC)
DAYS = 112
LAST_HOUR = 15  # the last day ends here: it is not complete
CAMPAIGN = 90  # the day on which a campaign brought many
QUIET = 61  # the day on which a file is missing for the most part
HOURS = [1, 1, 1, 1, 1, 2, 4, 7, 9, 10, 10, 11, 13, 12, 10, 9, 10, 12, 15, 18, 19, 15, 9, 4]


def write_story(folder: Path, users: int = 2_400) -> list[Path]:
    """Write one file a week, one of which cannot be read; give their paths in loading order."""
    chance = random.Random(7)
    folder.mkdir(parents=True, exist_ok=True)
    joined = sorted(int(DAYS * chance.random() ** 1.4) for _ in range(users))
    eager = [chance.betavariate(1, 4) for _ in range(users)]
    rows: list[list[str]] = [[] for _ in range(DAYS // 7)]
    number = 1000
    for day in range(DAYS):
        weekday = day % 7
        for user in range(users):
            age = day - joined[user]
            if age < 0:
                break
            wish = eager[user] * (1.25 if weekday < 5 else 0.8) * (0.15 + 0.85 / (1 + age / 9))
            wish *= 2.6 if day == CAMPAIGN else 0.2 if day == QUIET else 1
            if age and chance.random() > wish:
                continue
            at = FIRST_DAY + timedelta(
                days=day, hours=chance.choices(range(24), HOURS)[0], seconds=chance.randrange(3600)
            )
            for action, product in visit(chance, day):
                if day == DAYS - 1 and at.hour >= LAST_HOUR:
                    break
                number += 1
                rows[day // 7].append(f"{number},{user + 1},{product},{action},{at:%Y-%m-%dT%H:%M:%SZ}")
                at += timedelta(seconds=chance.randrange(8, 420))
    paths = []
    for week, lines in enumerate(rows, 1):
        for _ in range(chance.randrange(0, 9)):
            lines.insert(chance.randrange(len(lines)), spoil(chance, lines))
        path = folder / f"shop-2024-week-{week + 9:02}.csv"
        path.write_text(HEADER + "".join(f"{line}\n" for line in lines), encoding="utf-8")
        paths.append(path)
    again = folder / "shop-2024-week-20-again.csv"
    again.write_text(HEADER + "".join(f"{line}\n" for line in rows[10][:600]), encoding="utf-8")
    broken = folder / "shop-2024-week-26.csv"
    broken.write_text("interaction_id,user_id,product_id,timestamp\n1,1,1,2024-06-24\n", encoding="utf-8")
    return [*paths, again, broken]


def visit(chance: random.Random, day: int) -> list[tuple[str, int]]:
    """Give what somebody does on one visit."""
    done: list[tuple[str, int]] = []
    product = 0
    if chance.random() < 0.35:
        done.append(("search", 1 + int(40 * chance.random() ** 3)))
    for _ in range(1 + int(chance.expovariate(0.7))):
        product = 1 + int(40 * chance.random() ** (3 if day < 80 else 2.2))
        done.append(("view", product))
    if chance.random() < 0.34:
        done.append(("add_to_cart", product))
        if chance.random() < (0.5 if day != CAMPAIGN else 0.3):
            done.append(("purchase", product))
    return done


def spoil(chance: random.Random, lines: list[str]) -> str:
    """Give a row that the contract rejects."""
    number, user, product, action, at = chance.choice(lines).split(",")
    return chance.choice(
        [
            f"9{number},,{product},{action},{at}",
            f"9{number},{user},{product},,{at}",
            f"9{number},u-{user},{product},{action},{at}",
            f"9{number},{user},{product},{action},{at[8:10]}.{at[5:7]}.2024",
            f"9{number},{user},{product}",
        ]
    )
