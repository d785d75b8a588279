"""Break the code on purpose, one place at a time, and see that the tests notice: `make mutations`.

Each mutation is made in a copy of src/ that goes before the installed one. Exit code: 0 where every one was noticed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EVERY_MESSAGE = "tests/crash/test_every_message.py"
LARGE = ("tests/integration/test_large_merge.py",)
CROWD = ("tests/crash/test_crowd.py",)
CROWD_OR_TWO = ("tests/crash/test_crowd.py", "tests/integration/test_concurrency.py")
BEFORE_LEDGER = "        _record_loaded(connection, each, result)\n"
OUTCOME = "    return CommitOutcome.COMMITTED if is_committed else CommitOutcome.NOT_COMMITTED\n"
COMMITTING = "        attempt.is_committing = True\n"
AT_COMMIT = f"        opening.assert_unchanged(file)\n{COMMITTING}    connection.commit()\n"
ALL_KINDS = (EVERY_MESSAGE, "-k", "temporary")
TAKEN_BACK = ("tests/property/test_taking_back.py",)
REPLAYED = ("tests/integration/test_replay.py",)
FORGOTTEN = ("tests/integration/test_forget.py", "-k", "judge")
AT_ONCE = ("tests/integration/test_concurrency.py", "-k", "replays or undo")
EVERY_COMMAND = "tests/crash/test_every_command.py"
RUNS_BROKEN = "tests/crash/test_runs_broken.py"
EACH_RANGE = "        for number in range(len(self.job.ranges)):\n"
FALLING = ("tests/integration/test_parity.py", "-k", "fall")
PARITY = ("tests/integration/test_parity.py", "-k", "random")
VERDICTS = (
    "tests/unit/formats/test_delimited.py",
    "tests/unit/contract/test_rules.py",
    "tests/torture/test_pollutions.py",
    "tests/torture/test_fuzzed.py",
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A fault, and the tests that have to notice it.

    Shape: `edits` are (old text, new text); an old text stands exactly once in src/, in whichever file.
    """

    name: str
    edits: tuple[tuple[str, str], ...]
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "commit too early: before the ledger has its row",
        ((BEFORE_LEDGER, f"        connection.commit()\n{BEFORE_LEDGER}"),),
        ALL_KINDS,
    ),
    Mutation(
        "the ledger outside of the transaction: after the commit",
        (
            ("RereadConflicts = Callable[", "LATER: list = []\nRereadConflicts = Callable["),
            (BEFORE_LEDGER, "        LATER.append((each, result))\n"),
            (
                AT_COMMIT,
                f"{AT_COMMIT}    for each, result in LATER:\n        _record_loaded(connection, each, result)\n"
                "    LATER.clear()\n    connection.commit()\n",
            ),
        ),
        ALL_KINDS,
    ),
    Mutation(
        "no writer lock",
        (
            (
                "        take_writer_lock(connection, self.session.target)\n        self.is_taken",
                "        self.is_taken",
            ),
        ),
        CROWD_OR_TWO,
    ),
    Mutation(
        "a dropped reject",
        (
            (
                "    rejected = _replace_positions(staging, rejected)\n",
                "    rejected = _replace_positions(staging, rejected).slice(1)\n",
            ),
        ),
        CROWD,
    ),
    Mutation(
        "a rejected row that is dropped from the count too",
        (("_readable(pa.concat_tables(rejected), ", "_readable(pa.concat_tables(rejected).slice(1), "),),
        CROWD,
    ),
    Mutation(
        "the delta of the counts applied twice",
        (
            (
                "        set interaction_count = {table}.interaction_count + excluded",
                "        set interaction_count = {table}.interaction_count + 2 * excluded",
            ),
        ),
        CROWD,
    ),
    Mutation(
        "a row that was there already counted as loaded",
        (
            (
                "    return Counter({row.load_id: row.rows_added for row in rows})\n",
                '    return Counter(staging.first_by_load if part == "rows" else {r.load_id: r.rows_added for r in rows})\n',  # noqa: E501
            ),
        ),
        CROWD,
    ),
    Mutation(
        "no second look at the ledger under the lock",
        (
            (
                "        found = ledger.find_loaded(connection, self.digests)\n",
                "        found = {}\n",
            ),
        ),
        CROWD_OR_TWO,
    ),
    Mutation(
        "a row that neither was there nor came in is taken for a duplicate",
        (
            (
                "            same[load_id] - added_out_of_order[load_id],\n",
                "            staging.first_by_load[load_id] + staging.out_of_order_by_load[load_id] - added[load_id] "
                "- added_out_of_order[load_id] - conflicting[load_id],\n",
            ),
        ),
        ("tests/crash/test_kill.py", "-k", "swallows"),
    ),
    Mutation(
        "truncate and the drop of the keys outside of the transaction",
        (
            (
                "        first_load.open_empty_table(send.connection, send.staging)\n",
                "        first_load.open_empty_table(send.connection, send.staging)\n        send.connection.commit()\n"
                "        from footfall.postgres.transactions import begin\n\n"
                "        begin(send.connection, turn.session.target)\n"
                "        turn.is_taken = False\n        turn.take()\n",
            ),
        ),
        (EVERY_MESSAGE, "-k", "keys"),
    ),
    Mutation(
        "the keys are not built again",
        (('    connection.execute(SQL["build_raw_key"])\n', ""),),
        (EVERY_MESSAGE, "-k", "keys"),
    ),
    Mutation(
        "an id that is there is taken for one above all that are there",
        (('SQL["floor_id"]).floor_id\n', 'SQL["floor_id"]).floor_id - 1\n'),),
        LARGE,
    ),
    Mutation(
        "the counts of rows that went straight to the table are added by the merge, too",
        (("    if not staging.direct_by_load or staging.are_counts_added:\n", "    if not staging.direct_by_load:\n"),),
        LARGE,
    ),
    Mutation(
        "counts of keys that are there stay as they are",
        (("        updated = connection.execute(statement).rowcount\n", "        updated = keys\n"),),
        LARGE,
    ),
    Mutation(
        "no look whether the file changed while it was read",
        ((f"        opening.assert_unchanged(file)\n{COMMITTING}", COMMITTING),),
        ("tests/integration/test_load.py", "-k", "changed or changes"),
    ),
    Mutation(
        "a commit whose answer was lost is taken for a failure",
        ((OUTCOME, "    return CommitOutcome.NOT_COMMITTED\n"),),
        ALL_KINDS,
    ),
    Mutation(
        "a lost connection at the commit is taken for a success",
        ((OUTCOME, "    return CommitOutcome.COMMITTED\n"),),
        ALL_KINDS,
    ),
    Mutation(
        "the ledger is asked before the old session is gone",
        (
            (
                "            begin(again, target)\n            take_writer_lock(again, target)\n",
                "            begin(again, target)\n",
            ),
        ),
        (EVERY_MESSAGE, "-k", "temporary and late"),
    ),
    Mutation(
        "staging tables that are not temporary stay",
        (("    if not staging.is_temporary:\n        for", "    if False:\n        for"),),
        ALL_KINDS,
    ),
    Mutation(
        "what a file looked like is kept outside of the transaction: before the load",
        (
            ("    known_files.keep(connection, (file for _, file in files))\n", ""),
            (
                "    if new and (later :=",
                "    from footfall.tables import known_files\n\n"
                "    known_files.keep(connection, (file for _, file, _ in taken))\n    connection.commit()\n"
                "    begin(connection, session.target)\n    if new and (later :=",
            ),
        ),
        (EVERY_MESSAGE, "-k", "three"),
    ),
    Mutation(
        "a repair that commits table by table",
        (
            (
                "        except (psycopg.errors.IntegrityError",
                "            connection.commit()\n        except (psycopg.errors.IntegrityError",
            ),
        ),
        ("tests/crash/test_kill.py", "-k", "repair"),
    ),
    Mutation(
        "a file that changed is passed over because of its path",
        (("if opening.find_identity(path) != seen.identity:", "if False:"),),
        ("tests/integration/test_source_files.py",),
    ),
    Mutation(
        "the rows of several files are taken in the order of their lines alone",
        (('"interaction_id, load_id, line_number"', '"interaction_id, line_number"'),),
        ("tests/integration/test_small_files.py",),
    ),
    Mutation(
        "a repair without the writer lock",
        (
            (
                "    take_writer_lock(connection, target)\n    if not verification",
                "    if not verification",
            ),
        ),
        ("tests/integration/test_verify.py",),
    ),
    Mutation(
        "of files that share a transaction only the first is looked at for changes",
        (
            (
                f"        opening.assert_unchanged(file)\n{COMMITTING}",
                f"        opening.assert_unchanged(files[0])\n{COMMITTING}",
            ),
        ),
        ("tests/integration/test_small_files.py",),
    ),
    Mutation(
        "no look at the schema's version under the lock",
        (("        assert_current(connection, self.session.target)\n", ""),),
        ("tests/integration/test_small_files.py",),
    ),
    Mutation(
        "a file that was loaded by this very command is reported as already loaded",
        (("                    self._note_unsure([attempt])\n", "                    pass\n"),),
        ("tests/integration/test_small_files.py",),
    ),
    Mutation(
        "a copy of a file that this command loaded is reported as loaded, too",
        (("session.unsure.pop(result.load_id, result)", "session.unsure.get(result.load_id, result)"),),
        ("tests/integration/test_small_files.py",),
    ),
    Mutation(
        "the cache is written with one of the rights that it takes",
        (
            ("has_table_privilege('source_files', 'insert')", "true"),
            ("has_table_privilege('source_files', 'update')", "true"),
        ),
        ("tests/security/test_least_role.py", "-k", "settled"),
    ),
    Mutation(
        "rows that a later load delivered too do not pass to it",
        (
            (
                '        connection.execute(compose(SQL["pass_rows"], heirs=names["heirs"]))\n',
                "",
            ),
        ),
        TAKEN_BACK,
    ),
    Mutation(
        "rows pass to another load, and its sums stay",
        (('            connection.execute(SQL["pass_sums"], sums |', "            dict(sums |"),),
        TAKEN_BACK,
    ),
    Mutation(
        "the overlaps of rows that pass are not rewritten",
        (('        connection.execute(compose(SQL["pass_overlaps"], **names))\n', ""),),
        TAKEN_BACK,
    ),
    Mutation(
        "which rows were found is not rewritten where they pass",
        (('        connection.execute(compose(SQL["pass_duplicates"], **names))\n', ""),),
        TAKEN_BACK,
    ),
    Mutation(
        "rows pass to the last load that met them",
        (
            (
                "order by m.first_load_id, m.interaction_id, l.finished_at, l.load_id\n",
                "order by m.first_load_id, m.interaction_id, l.finished_at desc, l.load_id desc\n",
            ),
        ),
        TAKEN_BACK,
    ),
    Mutation(
        "a load that was refused rows because of one that goes stays",
        (("            o.rows_conflict <> 0\n            or o.rows_duplicate", "            o.rows_duplicate"),),
        TAKEN_BACK,
    ),
    Mutation(
        "rejected rows of a load that is taken back stay",
        (('    connection.execute(SQL["remove_rejected"], {"load_ids": load_ids})\n', ""),),
        TAKEN_BACK,
    ),
    Mutation(
        "the first and last instants of users whose rows go stay",
        (
            (
                '            if fetch_one(connection, compose(SQL["count_undecided"], undecided=undecided)).keys:',
                '            if kept.table == "no table":',
            ),
        ),
        TAKEN_BACK,
    ),
    Mutation(
        "the ledger is told outside of the transaction that a load is undone",
        (
            (
                '    connection.execute(SQL["mark_undone"], {"load_ids": load_ids})\n',
                '    connection.commit()\n    connection.execute(SQL["mark_undone"], {"load_ids": load_ids})\n',
            ),
        ),
        (EVERY_COMMAND, "-k", "undo"),
    ),
    Mutation(
        "an undo whose answer was lost is taken for a failure",
        (
            (
                "        confirm_operation(self.target, self.operation_id, error, outcomes)\n",
                "        raise error\n",
            ),
        ),
        (EVERY_COMMAND, "-k", "undo"),
    ),
    Mutation(
        "an undo without the writer lock",
        (
            (
                "        take_writer_lock(connection, self.target)\n        assert_current(connection, self.target)\n"
                "        standing, gone",
                "        standing, gone",
            ),
        ),
        AT_ONCE,
    ),
    Mutation(
        "rows that are replayed stay open",
        (
            (
                "    if replays.close_rows(connection, origin_id, *closed, load_id) != len(closed[0]):",
                "    if False:",
            ),
        ),
        REPLAYED,
    ),
    Mutation(
        "a replay does not notice that rows were closed meanwhile",
        (
            (
                "    if replays.close_rows(connection, origin_id, *closed, load_id) != len(closed[0]):",
                "    if replays.close_rows(connection, origin_id, *closed, load_id) < 0:",
            ),
        ),
        AT_ONCE,
    ),
    Mutation(
        "rows stay closed when the load that closed them is taken back",
        (("    replays.reopen_rows(connection, load_ids)\n", ""),),
        REPLAYED,
    ),
    Mutation(
        "a replay stays when the load whose rows it brought is taken back",
        (
            (
                "        m.load_id is not null\n        or l.replay_of = any(%(load_ids)s::integer [])\n",
                "        m.load_id is not null\n",
            ),
        ),
        REPLAYED,
    ),
    Mutation(
        "who was forgotten is not asked again under the writer lock",
        (("        if self.session.has_forgotten_others():\n            raise OthersForgottenError\n", ""),),
        FORGOTTEN,
    ),
    Mutation(
        "a row whose fields cannot be told apart is no forgotten user's",
        (('in ("user_id", None) for problem', 'in ("user_id",) for problem'),),
        ("tests/integration/test_forget.py", "-k", "apart"),
    ),
    Mutation(
        "the conflicts of a replay count as those of a load",
        (("    replays.forget_conflicts(connection, load_id)\n", ""),),
        REPLAYED,
    ),
    Mutation(
        "the ranges of a run are taken from the last to the first",
        ((EACH_RANGE, "        for number in reversed(range(len(self.job.ranges))):\n"),),
        FALLING,
    ),
    Mutation(
        "two attempts at one range may both be noted",
        (("    range integer primary key,\n", "    range integer not null,\n"),),
        (RUNS_BROKEN, "-k", "twins"),
    ),
    Mutation(
        "rows that were staged before users were forgotten are taken",
        (("if each.memory != memory.state]", "if False]"), ("if found.memory == self.memory.state:", "if found:")),
        (RUNS_BROKEN, "-k", "forgotten"),
    ),
    Mutation(
        "a run is taken without all of its ranges",
        (
            ("if self.wait is None else []", "if False else []"),
            (
                EACH_RANGE,
                "        for number in [each.number for each in runs.read_ranges(self.connection, self.tables)]:\n",
            ),
        ),
        (RUNS_BROKEN, "-k", "missing"),
    ),
    Mutation(
        "rows that are staged are not counted",
        (("    if found != sent:\n", "    if False:\n"),),
        (RUNS_BROKEN, "-k", "emptied"),
    ),
    Mutation(
        "a source in another state than when it was planned is read",
        (("        if found != state or (", "        if False and ("),),
        (RUNS_BROKEN, "-k", "changes"),
    ),
    Mutation(
        "a run is swept while somebody holds it",
        (
            (
                '        if not fetch_one(connection, SQL["try_alone"], runs=RUNS, run=tables.lock_key).is_alone:\n',
                "        if False:\n",
            ),
        ),
        (RUNS_BROKEN, "-k", "holds"),
    ),
    Mutation(
        "a run is swept before its lease is over",
        (('        if "job" in parts and not is_over(connection, tables):\n', "        if False:\n"),),
        (RUNS_BROKEN, "-k", "lease"),
    ),
    Mutation(
        "a range is noted outside of the transaction of its rows",
        (
            (
                "            if not runs.note_range(connection, tables, noted):\n",
                "            connection.commit()\n            begin(connection, where)\n"
                "            if not runs.note_range(connection, tables, noted):\n",
            ),
        ),
        (RUNS_BROKEN, "-k", "twins"),
    ),
    Mutation(
        "the tables of a run stay when it is taken",
        (("            runs.end(connection, self.tables)\n            commit(", "            commit("),),
        (RUNS_BROKEN, "-k", "zombie"),
    ),
    Mutation(
        "the lines of a range count from its begin",
        (("lines.dialect, part.line_number)", "lines.dialect, 1)"),),
        PARITY,
    ),
    Mutation(
        "conflicts are looked for in the first range alone",
        (("job.contract, job.ranges, lines)", "job.contract, job.ranges[:1], lines)"),),
        PARITY,
    ),
    Mutation(
        "a line number counts records, not lines",
        (
            (
                "        first_lines, record_ends = first_lines[: len(ends)][begins_here], ends[kept]\n",
                "        record_ends = ends[kept]\n        first_lines = first_lines[: len(record_ends)]\n",
            ),
        ),
        VERDICTS,
    ),
    Mutation(
        "the line numbers of the next block count records, not lines",
        (("    lines.line_number += len(ends)\n", "    lines.line_number += len(record_ends)\n"),),
        VERDICTS,
    ),
    Mutation(
        "a byte order mark is read as part of the first name",
        (("    lines.rest = lines.rest.removeprefix(BOM)\n    lines.drop_lines", "    lines.drop_lines"),),
        VERDICTS,
    ),
    Mutation(
        "a record may run over a line too many",
        (
            (
                "        if closing - opening < RECORD_LINES_MAX and",
                "        if closing - opening <= RECORD_LINES_MAX and",
            ),
        ),
        VERDICTS,
    ),
    Mutation(
        "a quote that does not close takes the next lines with it",
        ((" and is_record(text):", ":"),),
        VERDICTS,
    ),
    Mutation(
        "a quote that is closed behind rows takes them with it",
        ((" and not swallows_rows(text, dialect, field_count)", ""),),
        VERDICTS,
    ),
    Mutation(
        "the line that closes a stray quote is not counted as a row",
        (("    count = line.count(comma) + 1\n", "    count = line.count(comma) + 1 - line.count(b'\"') % 2\n"),),
        VERDICTS,
    ),
    Mutation(
        "the CR of CRLF stays",
        (("        stops -= (before == CR) & (ends > starts)\n", "        del before\n"),),
        VERDICTS,
    ),
    Mutation(
        "a true U+FFFD beside a bad byte is taken for bad",
        (('BAD_BYTES = "\\ufffe"', 'BAD_BYTES = "\\ufffd"'),),
        VERDICTS,
    ),
    Mutation(
        "an id below zero",
        (("id is null or id < 0", "id is null"),),
        VERDICTS,
    ),
    Mutation(
        "a record that is no interaction is proved by the quick query",
        (("        and not is_skipped\n", ""),),
        ("tests/unit/formats/test_texts.py",),
    ),
    Mutation(
        "an offset of more than fourteen hours",
        (("|14(?::?00)?))", "|14(?::?[0-5][0-9])?))"),),
        VERDICTS,
    ),
    Mutation(
        "an action that is too long is proved by the quick query",
        (("        and strlen(action) <= getvariable('action_characters_max')\n", ""),),
        VERDICTS,
    ),
    Mutation(
        "the length of an action in bytes",
        (("length(action_text) > getvariable", "strlen(action_text) > getvariable"),),
        VERDICTS,
    ),
    Mutation(
        "a list of allowed actions that the quick query does not know",
        (("        and (getvariable('actions') is null or list_contains(getvariable('actions'), action))\n", ""),),
        VERDICTS,
    ),
    Mutation(
        "a wall clock that was skipped moves backward",
        (("            else by_earlier\n", "            else by_later\n"),),
        VERDICTS,
    ),
    Mutation(
        "a line of blanks is a row",
        (("    sizes[blank] = 0\n", ""),),
        VERDICTS,
    ),
    Mutation(
        "of several problems only the first is kept",
        (("case when len(problems) > 0 then problems end as", "case when len(problems) > 0 then problems[:1] end as"),),
        VERDICTS,
    ),
)


def read_code(folder: Path) -> dict[Path, str]:
    """Give the text of each file of code below a folder that a mutation may change."""
    return {path: path.read_text() for path in sorted(folder.rglob("*")) if path.suffix in {".py", ".sql"}}


def put_in(mutation: Mutation, code: dict[Path, str]) -> dict[Path, str]:
    """Give the files that a mutation changes, with the fault in them.

    Raises: LookupError where a text to change does not stand there exactly once.
    """
    changed: dict[Path, str] = {}
    for old, new in mutation.edits:
        texts = code | changed
        places = [path for path, text in texts.items() for _ in range(text.count(old))]
        if len(places) != 1:
            where = ", ".join(map(str, places)) or "no file"
            raise LookupError(f"{mutation.name}: this stands in {where}, not exactly once; mend {__file__}:\n{old}")
        changed[places[0]] = texts[places[0]].replace(old, new)
    return changed


def mutated(mutation: Mutation, folder: Path) -> Path:
    """Copy src/ into a folder and put the fault in. Raises: LookupError where its text is not there exactly once."""
    copy = folder / "src"
    shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in put_in(mutation, read_code(copy)).items():
        path.write_text(text)
    return copy


def tests_pass(tests: tuple[str, ...], source: Path, name: str) -> bool:
    """Run tests on the code in a folder. Raises: SystemExit where they could not be run."""
    variables = {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, timeout=3600
    )
    if done.returncode not in {0, 1}:
        sys.exit(f"{name}: the tests did not run:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    why = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    print(f"{'passed  ' if done.returncode == 0 else 'noticed '} {name}", *why[:1], sep="\n          ", flush=True)
    return done.returncode == 0


def main() -> int:
    """Try every mutation, or those whose name holds one of the words given; print a table."""
    wanted = [m for m in MUTATIONS if not sys.argv[1:] or any(word in m.name for word in sys.argv[1:])]
    code = read_code(ROOT / "src")
    for mutation in wanted:  # all of them fit, before the first one runs
        put_in(mutation, code)
    for tests in dict.fromkeys(mutation.tests for mutation in wanted):
        if not tests_pass(tests, ROOT / "src", f"the code as it is: {' '.join(tests)}"):
            return 1
    missed = 0
    for mutation in wanted:
        with tempfile.TemporaryDirectory(prefix="footfall-mutation-") as folder:
            missed += tests_pass(mutation.tests, mutated(mutation, Path(folder)), mutation.name)
    print(f"{len(wanted) - missed} of {len(wanted)} mutations were noticed")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
