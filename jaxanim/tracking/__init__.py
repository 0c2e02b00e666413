"""From a photo or a video to face parameters: detection, crops, tracking, and networks that look at faces."""
