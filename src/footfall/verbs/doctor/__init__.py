"""The verb `doctor`: what a person would ask first when something is wrong. Nothing here changes anything."""
