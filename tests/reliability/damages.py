"""Ways to damage a file, and the files of a checkpoint."""


def flip(path):
    """Changes one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def truncate(path):
    """Leaves the last byte out."""
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    """Leaves all out."""
    path.write_bytes(b"")


def remove(path):
    """Takes the file away."""
    path.unlink()


ALL = {"flipped": flip, "truncated": truncate, "emptied": empty, "removed": remove}


def files(folder):
    """Names of all files of a checkpoint."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
