"""Plain Python values: drawn, put to a candidate, and held against what the oracle gives."""
