"""Pictures of lots: from the files of a run to PNG, and to the attachments of the base."""
