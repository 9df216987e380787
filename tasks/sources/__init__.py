"""Sources: fetch what the services answer, keep it as raw snapshots, map it to the contracts."""
