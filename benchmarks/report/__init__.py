"""What the scripts of benchmarks/ share, in Python without libraries: from building to charts."""
