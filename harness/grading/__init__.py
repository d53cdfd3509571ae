"""How one submission becomes one grade; ``page`` is where to begin reading."""
