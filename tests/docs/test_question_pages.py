"""The pages of the questions: their answers are those of a database, and every question and column is told.

FOOTFALL_QUESTION_ANSWERS=1 (`make question-answers`) writes the answers anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path

import pytest

import question_answers
import question_pages
from footfall.answers.catalogue import HEADS, read_catalogue
from footfall.settings import load_settings
from footfall.verbs import load as load_verb
from footfall.verbs import query as query_verb

ROOT = Path(__file__).resolve().parents[2]
IS_WRITING = os.environ.get("FOOTFALL_QUESTION_ANSWERS") == "1"  # read before the tests clear their environment


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("story") / "shop"
    subprocess.run([sys.executable, ROOT / "scripts/make_story.py", folder], check=True, timeout=600)
    return [str(path) for path in sorted(folder.glob("*.csv"))]


@pytest.mark.slow
def test_the_kept_answers_are_those_of_the_shop(shop: list[str], new_database_of_module: Callable[[], str]) -> None:
    settings = load_settings(database_url=new_database_of_module())
    load_verb.load(shop, settings)
    with query_verb.open_snapshot(settings) as asker:
        answers = {name: asker.ask(name, filters).table for name, filters in question_answers.ASKED.items()}
        for name in question_pages.EXAMPLES_OF_WHO:
            users = asker.ask(name, question_pages.ask_who(read_catalogue(None)[name])).table
            assert users.columns == ("user_id", "first_at", "last_at", "interaction_count"), name
            assert users.rows, name
    text = question_answers.keep(answers)
    if IS_WRITING:
        question_answers.KEPT.write_text(text, encoding="utf-8")
    assert text == question_answers.KEPT.read_text(encoding="utf-8"), "make question-answers docs"


def test_every_question_has_an_answer_for_its_page() -> None:
    assert sorted(question_answers.ASKED) == sorted(read_catalogue(None)) == sorted(question_answers.read_kept())


def test_every_note_at_the_head_of_a_question_is_a_whole_sentence() -> None:
    told = {each.name: question_pages.read_notes(each) for each in question_pages.questions()}
    assert sum(len(notes) for notes in told.values()) > 40
    for name, notes in told.items():
        for note in notes:
            assert note[0].isupper() or note[0] == "`", (name, note)
            assert note.endswith("."), (name, note)
        text = (question_pages.QUESTIONS / f"{name}.sql").read_text(encoding="utf-8")
        head = "".join(takewhile(lambda line: line.startswith("--"), text.splitlines(keepends=True))).split("\n")
        kept = [line[3:] for line in head[1:] if line[3:].partition(":")[0] not in HEADS and "In psql, " not in line]
        assert len(" ".join(notes).split()) == len(" ".join(kept).split()) + " ".join(notes).count("--as edges"), name


def test_a_question_with_users_behind_its_numbers_says_how_they_are_asked_for() -> None:
    for query in question_pages.questions():
        page = "\n".join(question_pages.question_page(query))
        notes = [note for note in question_pages.read_notes(query) if note.startswith("`--who`")]
        assert bool(notes) == ("who" in query.forms) == ("--who WHICH" in page), query.name
