"""Policy simulation, answered by the kit's own evaluator."""
