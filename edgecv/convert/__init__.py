"""From a trained model and a recipe to a proven bundle."""
