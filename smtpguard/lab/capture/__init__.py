"""What crossed the lab's wires, kept for ladders and written as capture files."""
