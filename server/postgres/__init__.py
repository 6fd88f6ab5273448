"""PostgreSQL: the journal, the log and the stores."""
