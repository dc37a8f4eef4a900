"""What networks can represent, and what perceptrons and perturbation learn."""
