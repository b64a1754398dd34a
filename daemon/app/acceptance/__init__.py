"""`lockstep accept`: what documents leave open, asked of a real demo account in numbered cards."""
