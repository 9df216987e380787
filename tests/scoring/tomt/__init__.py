"""The score of a lot."""
