"""Core AI models (.aimodel), written by translating a Core ML program operation by operation."""
