"""The screens: which questions each screen asks, and how it draws the answers."""
