"""Named questions, and the results of questions and loads as text, tables, files and charts."""
