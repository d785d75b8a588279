"""Who runs the rules, and where: DuckDB sessions that judge records, remember ids and count rows."""
