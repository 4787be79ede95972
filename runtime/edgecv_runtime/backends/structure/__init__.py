"""What is checked of an artifact's bytes before a native runtime gets them: no package but the standard library."""
