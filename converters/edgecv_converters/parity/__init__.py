"""The proof: how far each artifact's answers are from the source's, and whether that is near enough."""
