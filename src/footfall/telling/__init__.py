"""Telling people what went wrong: the table `[notify]`, and how an event reaches a command or a webhook."""
