"""New drawings: of one symbol, of whole folders, of nothing; as pictures in memory and as files."""
