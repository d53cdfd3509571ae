"""What a new project begins with; one module per subcommand of ``harness init``."""
