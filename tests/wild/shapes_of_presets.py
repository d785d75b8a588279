"""Every built-in source definition has a small file of its shape here."""

from __future__ import annotations

import shapes_of_data_sets
import shapes_of_exports
import shapes_of_shops_and_logs

MAKERS = (*shapes_of_data_sets.MAKERS, *shapes_of_exports.MAKERS, *shapes_of_shops_and_logs.MAKERS)
SHAPES = tuple(make() for make in MAKERS)
