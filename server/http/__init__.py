"""HTTP: thin blueprints, one for each subject, over one declared table of routes."""
