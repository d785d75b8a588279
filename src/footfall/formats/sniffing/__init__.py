"""Files -> what they seem to hold, for people to read and correct. Nothing here decides a verdict."""
