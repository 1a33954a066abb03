"""Sound as tensors: log-mel, MFCC, and the augmentation that makes an encoder deaf to rooms and microphones."""
