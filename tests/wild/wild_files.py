"""All shapes of files, made by their makers, in the order of their names."""

from __future__ import annotations

import wild_data_sets
import wild_exports
import wild_json
import wild_known
import wild_known_json
import wild_known_office
import wild_logs
import wild_ratings
import wild_shops
from wild_shape import Shape

FAMILIES = (
    wild_data_sets,
    wild_exports,
    wild_json,
    wild_known,
    wild_known_json,
    wild_known_office,
    wild_logs,
    wild_ratings,
    wild_shops,
)


def make_shapes() -> tuple[Shape, ...]:
    """Make every shape."""
    return tuple(sorted((make() for family in FAMILIES for make in family.SHAPES), key=lambda shape: shape.name))


SHAPES = make_shapes()
