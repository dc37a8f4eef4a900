"""What a network is: graphs, matrices, notations."""
