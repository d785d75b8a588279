"""The sender that the engine calls: what it sends, and that it works in another process than the one that made it."""

from __future__ import annotations

import pickle
from collections.abc import Callable

from factories import make_reader
from footfall.contract.ids import IdTypes
from footfall.engines.in_process import open_engine
from footfall.postgres.connection import hold_session
from footfall.postgres.target import Server, Target
from footfall.postgres.transactions import begin
from footfall.sources.opening import open_source
from footfall.tables.staging import Sender, open_staging

Write = Callable[..., str]


def test_a_sender_that_was_pickled_sends_by_a_connection_of_its_own(database: str, write_csv: Write) -> None:
    names = [
        write_csv("a.csv", "7,1,1,click,2024-01-01 00:00:00", "bad"),
        write_csv("b.csv", "9,1,1,click,2024-01-01 00:00:00", "8,1,1,click,2024-01-01 00:00:00"),
    ]
    target, reader = Target(database, "public", 0), make_reader()
    with hold_session(target) as here, hold_session(target) as there, open_engine(None, 128) as engine:
        sender = Sender(open_staging(target, Server(has_temp=True), [11, 12], IdTypes()), here)
        received: Sender = pickle.loads(pickle.dumps(sender))
        assert not hasattr(received, "connection")
        received.connection = there
        begin(there, target)
        with open_source(names[0]) as first, open_source(names[1]) as second:
            sums = engine.run([reader.read(first), reader.read_later(second)], received)
        assert [(each.rows_accepted, each.rows_rejected) for each in sums] == [(1, 1), (2, 0)]
        staged = {
            part: [tuple(row) for row in there.execute(f"select {columns} from pg_temp.staging_footfall_{part}")]
            for part, columns in {
                "rows": "interaction_id, load_id, line_number",
                "out_of_order": "interaction_id, load_id, line_number",
                "rejected": "raw_line, load_id, line_number",
            }.items()
        }
        assert staged == {"rows": [(7, 11, 2), (9, 12, 2)], "out_of_order": [(8, 12, 3)], "rejected": [("bad", 11, 3)]}
        assert (received.staging.rows_sent, received.staging.rows_sent_out_of_order) == (2, 1)
        assert (sender.staging.rows_sent, sender.staging.created) == (0, set())
