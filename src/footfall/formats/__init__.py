"""Bytes into numbered records and their columns."""
