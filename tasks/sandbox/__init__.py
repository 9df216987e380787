"""The embedded default: invented municipalities, local sources that serve them, and a local Airtable."""
