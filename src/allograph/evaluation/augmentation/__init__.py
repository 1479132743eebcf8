"""What a model's drawings are worth as training data, beside classical augmentation."""
