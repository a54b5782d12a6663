"""How a profile is made of a file that is larger than memory."""
