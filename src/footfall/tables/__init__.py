"""What is kept: the statements of the one transaction. Nothing here begins or ends a transaction."""
