"""Pages of what machines do. They translate and decide nothing."""
