"""The types of the id columns: whole numbers, UUIDs or text. Tables that exist already decide the types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

IdType = Literal["bigint", "uuid", "text"]
ID_COLUMNS = ("interaction_id", "user_id", "product_id")


@dataclass(frozen=True, slots=True)
class IdTypes:
    """The types of the id columns, as PostgreSQL names them."""

    interaction_id: IdType = "bigint"
    user_id: IdType = "bigint"
    product_id: IdType = "bigint"

    def __iter__(self) -> Iterator[IdType]:
        """Give the types in the order of the columns."""
        return iter((self.interaction_id, self.user_id, self.product_id))

    def find_type(self, column: str) -> IdType:
        """Give the type of one column by name."""
        return dict(zip(ID_COLUMNS, self, strict=True))[column]


BIGINTS = IdTypes()
