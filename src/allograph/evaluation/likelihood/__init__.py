"""How probable unseen images are under a model: free energies and importance weighted bounds, in nats."""
