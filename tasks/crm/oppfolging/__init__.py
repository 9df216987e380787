"""Follow-up: what is due, what sales has done since the last look, and what the pipeline's history says."""
