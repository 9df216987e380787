"""Land: from zones, plans and parcels to lots with a stable identity. Pure functions on frames."""
