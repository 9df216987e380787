"""Lists of lots that sales has already: csv and xlsx become people's own lots."""
