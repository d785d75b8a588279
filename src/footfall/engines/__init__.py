"""A source file checked against the contract: verdicts in file order, whoever runs the kernel."""
