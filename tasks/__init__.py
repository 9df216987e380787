"""The work: sources, land, scoring and crm stand side by side and meet only in files and contracts."""
