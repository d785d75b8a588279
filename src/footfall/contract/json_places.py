"""Find where the columns of a source definition stand in JSON records: their paths, and the names on these paths."""

from __future__ import annotations

from dataclasses import dataclass

from footfall.contract.definition import Reference, SourceDefinition
from footfall.contract.mapping import Place, list_references
from footfall.contract.paths import ARROW, JsonPath, parse_path
from footfall.errors import SourceError

Prefix = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class JsonPlaces:
    """The places of the columns of a definition among the texts of a record.

    Shape: the texts of the `inner` paths come first, then those of the `outer` ones, which begin at the object that
    encloses an exploded list.
    """

    found: dict[Reference, Place]
    inner: tuple[JsonPath, ...]
    outer: tuple[JsonPath, ...]


def place_by_path(definition: SourceDefinition, source: str) -> JsonPlaces:
    """Find the places of the columns that a definition names.

    Raises: SourceError where one of them is no path.

    Example:
        >>> places = place_by_path(SourceDefinition(), "a.jsonl")
        >>> [place.at for place in places.found.values()], places.inner[1].write_for_duckdb()
        ([1, 2, 3, 4, 5], '$."user_id"')
    """
    paths: dict[Reference, tuple[JsonPath, str | None]] = {}
    for reference in list_references(definition):
        if isinstance(reference, int):
            raise SourceError(
                f"is JSON, which has names, and the definition {definition.name!r} reads column {reference}; "
                "write a path there, such as user.id",
                source=source,
            )
        text, arrow, steps = reference.partition(ARROW)
        try:
            path = parse_path(text)
            paths[reference] = path, parse_path(steps).write_for_duckdb() if arrow else None
        except ValueError as error:
            raise SourceError(f"is JSON, and in the definition {definition.name!r} {error}", source=source) from error
        if path.is_outer and definition.explode is None:
            raise SourceError(
                f"the definition {definition.name!r} reads {reference!r}, which looks at what encloses a list; there "
                "is no explode",
                source=source,
            )
    ordered = sorted(paths.items(), key=lambda item: item[1][0].is_outer)
    found = {reference: Place(at, inside) for at, (reference, (_, inside)) in enumerate(ordered, 1)}
    return JsonPlaces(
        {reference: found[reference] for reference in paths},
        tuple(path for _, (path, _) in ordered if not path.is_outer),
        tuple(path for _, (path, _) in ordered if path.is_outer),
    )


def list_names_on_the_way(paths: tuple[JsonPath, ...]) -> list[tuple[Prefix, str]]:
    """List the names that lead to values, each with the steps that lead to the object where it stands.

    Example:
        >>> list_names_on_the_way((parse_path("user.id"), parse_path("user.name")))
        [((), 'user'), (('user',), 'id'), (('user',), 'name')]
    """
    found = [(path.steps[:at], step) for path in paths for at, step in enumerate(path.steps) if isinstance(step, str)]
    return list(dict.fromkeys(found))
