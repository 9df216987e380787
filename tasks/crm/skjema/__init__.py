"""The base as code: what config/airtable.toml wants, what the base has, and how to close the gap."""
