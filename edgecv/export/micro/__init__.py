"""`edgecv export micro`: a bundle becomes C sources for a microcontroller."""
