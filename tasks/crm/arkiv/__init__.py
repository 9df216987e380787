"""Backups of the Airtable base under geodata/backup/, and their way back into an empty base."""
