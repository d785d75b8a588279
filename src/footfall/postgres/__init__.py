"""The PostgreSQL server: its address, sessions, transactions and errors. Nothing here knows of interactions."""
