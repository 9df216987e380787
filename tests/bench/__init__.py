"""The benchmark of the land engine: invented municipalities of three sizes, this engine, and what others offer."""
