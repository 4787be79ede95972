"""The terminal: the console, progress, tables, and numbers in words."""
