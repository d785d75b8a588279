"""What an interaction is: the rules that every engine applies, the words for what breaks them, and sums of verdicts."""
