"""A real PostgreSQL from a wheel: for newcomers who have no server, and for tests."""
