"""From a photo or a video to landmarks and face parameters."""
