"""Questions and what people see of them: named questions, and what became of files, as text, tables and files."""
