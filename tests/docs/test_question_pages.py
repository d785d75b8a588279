"""The pages of the questions: their answers are those of a database, and every question and column is told.

FOOTFALL_QUESTION_ANSWERS=1 (`make question-answers`) writes the answers anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import question_answers
from footfall.answers.catalogue import catalogue
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
    with query_verb.snapshot(settings) as asker:
        answers = {name: asker.ask(name, filters).table for name, filters in question_answers.ASKED.items()}
    text = question_answers.keep(answers)
    if IS_WRITING:
        question_answers.KEPT.write_text(text, encoding="utf-8")
    assert text == question_answers.KEPT.read_text(encoding="utf-8"), "make question-answers docs"


def test_every_question_has_an_answer_for_its_page() -> None:
    assert sorted(question_answers.ASKED) == sorted(catalogue(None)) == sorted(question_answers.read_kept())
