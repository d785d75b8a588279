"""The report: one HTML file that says what is known, how sure that is, and how each number was made."""
