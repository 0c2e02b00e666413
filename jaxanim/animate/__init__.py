"""From a source and a drive to a file: rendering in batches, compositing, writing frame by frame."""
