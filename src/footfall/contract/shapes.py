"""The five columns of an interaction."""

from __future__ import annotations

COLUMNS = ("interaction_id", "user_id", "product_id", "action", "timestamp")
