"""Any definition, any files for it: Footfall says of them what the second reader says.

`make fuzz` runs these with many more examples, as those of `test_fuzzed`.
"""

from __future__ import annotations

import os
import tomllib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import any_sources
import asked
from any_sources import Source
from footfall.contract.parsing import parse_definition
from sampling import examples
from source_reader import Tables

EXAMPLES = int(os.environ.get("FOOTFALL_SOURCE_EXAMPLES") or examples(20))
QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=st.sampled_from(["csv", "jsonl", "json"]).flatmap(any_sources.sources))
def test_a_definition_that_is_drawn_is_one_that_can_be_written(source: Source) -> None:
    said = tomllib.loads(asked.as_toml(source.definition, source.rules))["sources"][asked.NAME]
    read = parse_definition(asked.NAME, said, "footfall.toml", is_time_zone=lambda _: True)
    assert read == source.definition
    answers = asked.expect(source.definition, source.rules, source.files, Tables())
    assert all(sum(list(each.counts.values())[1:]) == each.counts.get("rows_read", 0) for each in answers)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
def test_any_file_by_any_definition(kind: str) -> None:
    @QUICK
    @given(source=any_sources.sources(kind))
    def judged_alike(source: Source) -> None:
        wanted = asked.expect(source.definition, source.rules, source.files, Tables())
        found = asked.check(source.definition, source.rules, source.files)
        if kind == "json":
            assert [each.without_lines() for each in found] == [each.without_lines() for each in wanted]
        else:
            assert found == wanted, asked.as_toml(source.definition, source.rules)

    judged_alike()
