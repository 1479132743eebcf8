"""The networks that judge drawings: a critic of characters, and SimCLR."""
