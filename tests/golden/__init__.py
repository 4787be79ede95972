"""The golden vectors of the preprocessing, and what makes and checks them. README.md describes the files."""
