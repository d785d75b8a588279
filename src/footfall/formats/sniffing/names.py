"""Score, from 0 to 100, how surely a column is each of the five fields, by its name. Values do not count here."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from footfall.formats.sniffing.words import (
    ACTION,
    ACTION_COMPANIONS,
    ATTRIBUTES,
    ID_WORDS,
    INTERACTION,
    NEUTRAL,
    OTHER_TIMES,
    PRODUCT,
    RATING,
    TIME,
    USER,
)

SPECIAL_LETTERS = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "\u0131": "i", "đ": "d", "æ": "ae", "œ": "oe"})
LONE_ID = {
    "id": 84,
    "uuid": 86,
    "guid": 86,
    "key": 45,
    "hash": 45,
    "uid": 10,
    "oid": 70,
    "no": 30,
    "编号": 60,
    "번호": 50,
}
# Names whose meaning does not follow from their words.
WHOLE = {
    ("cs", "uri", "stem"): {"product_id": 80},
    ("cs", "method"): {"action": 70},
    ("c", "ip"): {"user_id": 52},
    ("edge", "request", "id"): {"interaction_id": 90},
    ("x", "edge", "request", "id"): {"interaction_id": 95},
    ("user", "agent"): {},
    ("event", "date"): {"timestamp": 90},
    ("page", "view", "id"): {"interaction_id": 92},
    ("row", "id"): {"interaction_id": 86},
    ("uid",): {"user_id": 88, "interaction_id": 30},
    ("user", "session"): {"user_id": 62},
    ("event", "name"): {"action": 98},
    ("event", "action"): {"action": 100},
    ("event", "context"): {"product_id": 55},
    ("event", "value"): {},
    ("event", "category"): {"action": 60},
    ("event", "properties"): {},
    ("item", "type"): {},
    ("content", "type"): {},
    ("device", "type"): {},
    ("user", "type"): {},
}
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
TOKEN_TYPES = re.compile(r":(?:token|float|token_seq|float_seq)$")


@cache
def score_name(name: str) -> dict[str, float]:
    """Give the fields that a column of this name may be, `rating` apart from `action`.

    Example:
        >>> score_name("visitorId")
        {'user_id': 96.0}
        >>> max(score_name("Zeitstempel").items())
        ('timestamp', 100.0)
    """
    words = split_name(name)
    if words in WHOLE:
        return {field: float(score) for field, score in WHOLE[words].items()}
    scores = {
        "user_id": _score_thing(words, USER, ID_WORDS | {"name"}),
        "product_id": _score_thing(words, PRODUCT, ID_WORDS | {"url", "path", "uri", "slug", "stem", "location"}),
        "action": _score_thing(words, ACTION, ACTION_COMPANIONS) if not _is_id(words) else 0,
        "rating": _score_thing(words, RATING, ID_WORDS | set(RATING) | set(PRODUCT) | set(USER))
        if not _is_id(words)
        else 0,
        "timestamp": _score_time(words),
        "interaction_id": _score_id(words),
    }
    return {field: round(score, 1) for field, score in scores.items() if score >= 5}


def _is_id(words: tuple[str, ...]) -> bool:
    return any(word in ID_WORDS for word in words)


def split_name(name: str) -> tuple[str, ...]:
    """Split a name into words without accents: camelCase, snake_case, kebab-case, and words that are written as one.

    Example:
        >>> split_name("Kundennummer"), split_name("user_id:token"), split_name("eventTime"), split_name("用户ID")
        (('kunden', 'nummer'), ('user', 'id'), ('event', 'time'), ('用户', 'id'))
    """
    text = TOKEN_TYPES.sub("", unicodedata.normalize("NFKC", name).strip())
    text = "".join(map(_strip_accent, text))
    if text.isupper():
        text = text.lower()
    parts: list[str] = []
    for part in WORDS.findall(text):
        word = part.lower()
        parts += _split_compound(word)
    return tuple(part for part in parts if not part.isdigit())


def _strip_accent(character: str) -> str:
    base = unicodedata.normalize("NFKD", character)[0]
    if "a" <= base.lower() <= "z":
        return base
    lower = character.lower().translate(SPECIAL_LETTERS)
    return lower if lower != character.lower() else character


VOCABULARY = {*USER, *PRODUCT, *ACTION, *RATING, *TIME, *INTERACTION, *ID_WORDS, *ACTION_COMPANIONS, *OTHER_TIMES}
SHORT = frozenset({"id", "ip", "ts", "at", "no", "nr", "ad", "tx", "pk", "sk"})


@cache
def _split_compound(word: str) -> tuple[str, ...]:
    if word in VOCABULARY or word in NEUTRAL or word in ATTRIBUTES:
        return (word,)
    for end in range(len(word) - 1, 0, -1):
        begin, rest = word[:end], word[end:]
        if not _is_part(begin):
            continue
        for link in ("", "n", "en", "s", "es", "e", "的"):
            if rest.startswith(link) and _is_part(rest[len(link) :]):
                return (begin, rest[len(link) :])
    if word.endswith("s") and word[:-1] in VOCABULARY:
        return (word[:-1],)
    return (word,)


def _is_part(text: str) -> bool:
    return text in VOCABULARY and (len(text) > 2 or text in SHORT or not text.isascii())


def _score_thing(words: tuple[str, ...], weights: dict[str, int], companions: frozenset[str] | set[str]) -> float:
    """Score a name for a user, product or action: by a word with a weight, and by the words that stand beside it."""
    known = [word for word in words if word in weights]
    if not known:
        return 0
    best = max(weights[word] for word in known)
    others = [word for word in words if word not in known or weights[word] < best]
    companions_there = [word for word in others if word in companions]
    unknown = [word for word in others if word not in companions and word not in NEUTRAL and word not in weights]
    if any(word in ATTRIBUTES and word not in companions for word in others) or _says_time(words):
        return best * 0.08
    lesser = [word for word in others if word in weights and word not in companions]
    factor = 1.0 if companions_there else 0.93
    if "name" in companions_there and weights is USER:
        factor = 0.75
    return best * factor * (0.55 ** len(unknown)) * (0.9 ** len(lesser))


def _says_time(words: tuple[str, ...]) -> bool:
    return any(word in TIME and TIME[word] >= 84 for word in words) or words[-1:] == ("at",)


def _score_time(words: tuple[str, ...]) -> float:
    known = [word for word in words if word in TIME]
    if not known or (known == ["at"] and words[-1] != "at") or _is_id(words):
        return 0
    best = float(max(TIME[word] for word in known))
    others = [word for word in words if word not in known and word not in NEUTRAL]
    for word in others:
        if word in OTHER_TIMES:
            best = min(best, float(OTHER_TIMES[word]))
        elif word in ACTION or word in INTERACTION:
            best = min(100.0, best + 6)
        else:
            best *= 0.85
    return best


def _score_id(words: tuple[str, ...]) -> float:
    if not words:
        return 0
    meaning = tuple(word for word in words if word not in NEUTRAL)
    if len(meaning) == 1 and meaning[0] in LONE_ID:
        return LONE_ID[meaning[0]]
    if not _is_id(words):
        return 40 if meaning in (("invoice",), ("index",)) else 0
    rest = [word for word in meaning if word not in ID_WORDS]
    known = [word for word in rest if word in INTERACTION]
    if not known or any(word in USER or word in ("session",) for word in rest):
        return 0
    unknown = [word for word in rest if word not in INTERACTION]
    return max(INTERACTION[word] for word in known) * (0.7 ** len(unknown))
