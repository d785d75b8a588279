"""How many examples Hypothesis draws here."""

from __future__ import annotations

import os

import hypothesis

from sampling import examples

# `make fuzz` asks for the profile; the tests that set their own number of examples keep it.
hypothesis.settings.register_profile("default", deadline=None, max_examples=examples(60))
hypothesis.settings.register_profile(
    "fuzz", deadline=None, max_examples=int(os.environ.get("FUZZ_EXAMPLES", "20000")), print_blob=True
)
