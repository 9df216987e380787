"""Settings and registers: everything that is a number, an address or a name."""
