"""The score of a lot: what is measured of it, what that earns, and why."""
