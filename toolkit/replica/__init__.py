"""The fold of journal and operations log for everyone who looks; never writes."""
