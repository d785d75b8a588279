"""The server, without anything about interactions: where it is, sessions, transactions, errors."""
