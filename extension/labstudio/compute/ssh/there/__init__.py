"""What runs on the host: the standard library of Python 3.9 only, sent there over the link."""
