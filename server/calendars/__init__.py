"""Calendars of others: what they are told of meetings, and what is read of theirs."""
