"""The command line: parse, call one verb, print, end with an exit code."""
