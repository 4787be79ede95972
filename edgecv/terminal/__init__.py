"""What a person sees: the console, progress, tables, and numbers in words."""
