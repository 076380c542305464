"""A long run of the whole template on virtual time, with everything going wrong that can, and a verdict."""
