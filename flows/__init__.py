"""The order of the work: flows and the command line."""
