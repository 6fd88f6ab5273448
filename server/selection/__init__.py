"""Selections of recipients: a process of its own that holds facts of all users as columns.

``columns_sql`` says what is read, ``reading`` reads it, ``people`` holds it, ``audiences`` says
whom a selection is within, and ``choosing`` makes selections; ``process`` is the process around
that, ``asking`` the server's side of it, and ``frames`` what goes between the two.
"""
