"""New drawings of one symbol, of whole folders or from nothing, as pictures in memory and as files."""
