"""The commands of the command line, one module each: its options, one call, and what it prints."""
