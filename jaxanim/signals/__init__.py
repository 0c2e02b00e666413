"""What drives an animation: named numbers per frame, their files, built-in motions and conversions."""
