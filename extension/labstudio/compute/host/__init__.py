"""What runs on hosts that have nothing but Python 3.9: brought there as it is, started by path.

The modules import each other relatively, for there the package has another name, and nothing else
of the studio.
"""
