"""The sending host's queues: try, wait, try again, and tell the authors what is late and what was given up."""
