"""The tables, and the statements that read and change them. Nothing here begins or ends a transaction."""
