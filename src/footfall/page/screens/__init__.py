"""The screens: which questions each asks, and how it draws their answers."""
