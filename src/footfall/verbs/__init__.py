"""What the commands do: one file a verb. Transactions begin and end here and nowhere else."""
