"""How the bodies of each protocol are read, whoever wrote them."""
