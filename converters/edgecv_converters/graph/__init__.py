"""The frozen graph, how it is made, and what is known of it."""
