"""What columns are called, in many languages: the words of words.toml."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

_WORDS: dict[str, Any] = tomllib.loads(files(__package__).joinpath("words.toml").read_text(encoding="utf-8"))


def _read_set(name: str) -> frozenset[str]:
    return frozenset(_WORDS[name].split())


def _read_weights(name: str) -> dict[str, int]:
    """Read words by their weights. Of two weights for a word, the first holds."""
    found: dict[str, int] = {}
    for weight, words in _WORDS[name].items():
        for word in words.split():
            found.setdefault(word, int(weight))
    return found


ID_WORDS = _read_set("id_words")
NEUTRAL = _read_set("neutral")
ATTRIBUTES = _read_set("attributes")
ACTION_COMPANIONS = _read_set("action_companions")
USER = _read_weights("user")
PRODUCT = _read_weights("product")
ACTION = _read_weights("action")
RATING = _read_weights("rating")
TIME = _read_weights("time")
INTERACTION = _read_weights("interaction")
OTHER_TIMES = _read_weights("other_time")
ACTIONS_OF_FILES: dict[str, frozenset[str]] = {
    action: frozenset(words.split()) for action, words in _WORDS["action_of_file"].items()
}
