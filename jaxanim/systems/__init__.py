"""The published animation systems. Each is a folder of its own; none imports another."""
