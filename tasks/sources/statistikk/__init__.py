"""The figures of the kommuner as their sources give them: SSB's tables, Klass, election results."""
