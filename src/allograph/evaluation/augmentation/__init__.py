"""What a model's drawings are worth as training data, compared with classical augmentation."""
